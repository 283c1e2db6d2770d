"""Lets a process of its own reorder the packets of some ports on loopback."""

import json
import secrets
import select
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from gauntlet.chaos.packets import queue_rules
from gauntlet.core.errors import StackError

_MODULE = "gauntlet.chaos.packets"
_TIMEOUT_S = 10.0


class PacketReorder:
    """The process of one fault, with the rules that belong to it.

    It ends with its input, so also if this process is killed.
    """

    def __init__(self, table: str, ports: Iterable[int], share: float, hold_s: float) -> None:
        """Start it; StackError, with what to do about it, if this machine cannot."""
        if sys.platform != "linux":
            raise StackError("packets are reordered by netfilter, which only Linux has")
        self._table = table
        command = [sys.executable, "-P", "-m", _MODULE, table, str(share), str(hold_s)]
        # Another session: Ctrl-C must not end it before the heal.
        self._process = subprocess.Popen(
            [*command, *map(str, sorted(ports))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            failure = self._read().get("error")
        except BaseException:
            self.remove()
            raise
        if failure:
            self.remove()
            raise StackError(f"the kernel does not queue packets for this process: {failure}")

    def affected(self) -> int:
        """Return how many packets were overtaken so far; 0 after `remove`."""
        stdin = self._process.stdin
        assert stdin is not None
        if stdin.closed:
            return 0
        with suppress(OSError):  # it has ended, and does not answer
            stdin.write(b"\n")
            stdin.flush()
        return int(self._read()["reordered"])

    def remove(self) -> None:
        """End the process, and with it the rules; does nothing if it has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with suppress(OSError):  # it has ended, and did not read everything
            stdin.close()
        try:
            self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_TIMEOUT_S)
        stdout.close()

    @property
    def is_removed(self) -> bool:
        """Whether the kernel has no such rules any more."""
        return self._process.poll() is not None and not queue_rules.exists(self._table)

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], _TIMEOUT_S)
        line = stdout.readline() if readable else b""
        if not line:
            raise StackError("the process that reorders packets does not answer")
        answer: dict[str, Any] = json.loads(line)
        return answer


def unavailable() -> str:
    """Return why packets cannot be reordered here, after trying it; empty if they can."""
    try:
        # A name of its own: other processes may try at the same time.
        PacketReorder(f"gauntlet_trial_{secrets.token_hex(8)}", [1], 0.5, 0.1).remove()
    except StackError as error:
        return str(error)
    return ""
