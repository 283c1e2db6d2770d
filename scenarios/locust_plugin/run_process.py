"""The child process of plain Locust: it boots the server, injects faults, and judges the run."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import gevent
import msgspec

from gauntlet.core.errors import StackError
from gauntlet.core.scenario.private import Private

BOOT_TIMEOUT_S = 75.0
JUDGE_TIMEOUT_S = 120.0
_EXIT_TIMEOUT_S = 5.0
COMMAND = (sys.executable, "-P", "-m", "gauntlet", "conduct")


class RunProcess:
    """A `gauntlet conduct` child. The load is under way as long as its standard input is open."""

    def __init__(self, arguments: Sequence[str], command: Sequence[str] = COMMAND) -> None:
        self.private: Private | None = None  # what `load.json` does not contain
        # In its own session, so that Ctrl-C reaches only Locust, which then ends the child in
        # order.
        self._child = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_for_load(self, within_s: float = BOOT_TIMEOUT_S) -> Path:
        """Return the path of `load.json` when the server is ready; StackError if that fails."""
        assert self._child.stdout is not None
        line = b""
        with gevent.Timeout(within_s, False):
            line = self._child.stdout.readline()
        try:
            content = json.loads(line)
            self.private = msgspec.convert(content.get("private"), Private | None)
            return Path(content["load"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_EXIT_TIMEOUT_S)  # its exit code describes the reason
            raise StackError("the server did not start; see the messages above") from error

    def judge(self) -> int:
        """Report the end of the load, and return the exit code of the verdict."""
        return self._end(JUDGE_TIMEOUT_S)

    def stop(self) -> int:
        """Interrupt the run, which keeps what was recorded, and return the child's exit code."""
        if self._child.poll() is None:
            self._child.terminate()
        return self._end(JUDGE_TIMEOUT_S)

    def _end(self, within_s: float) -> int:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            return self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
        finally:
            self._child.stdout.close()
