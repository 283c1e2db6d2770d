"""Plain Locust: has a conductor boot the server, disturb it, and judge the run in the end."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import gevent

from gauntlet.core.errors import StackError

BOOT_TIMEOUT_S = 75.0
JUDGE_TIMEOUT_S = 120.0
_LAST_WORDS_S = 5.0
CONDUCT = (sys.executable, "-P", "-m", "gauntlet", "conduct")


class Conductor:
    """A `gauntlet conduct` child. Its stdin is our word that the load goes on."""

    def __init__(self, arguments: Sequence[str], command: Sequence[str] = CONDUCT) -> None:
        # A session of its own: Ctrl-C is for Locust, which then ends the conductor in order.
        self._child = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_for_load(self, within_s: float = BOOT_TIMEOUT_S) -> Path:
        """The path of `load.json` once the server is up; StackError where that fails."""
        assert self._child.stdout is not None
        line = b""
        with gevent.Timeout(within_s, False):
            line = self._child.stdout.readline()
        try:
            return Path(json.loads(line)["load"])
        except (ValueError, KeyError, TypeError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_LAST_WORDS_S)  # its exit code says why
            raise StackError("the server did not come up; see above") from error

    def judge(self) -> int:
        """Say that the load is over; the exit code is the verdict's."""
        return self._end(JUDGE_TIMEOUT_S)

    def stop(self) -> int:
        """Interrupt it; it keeps what there is of the run. Answers its exit code."""
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
