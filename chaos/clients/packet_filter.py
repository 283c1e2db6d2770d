"""Lets the kernel drop a share of the packets of some ports on loopback, by nftables.

The table belongs to a process of its own, `nft -i`: the kernel removes it when that process ends,
and it ends when this one does. So nothing is left behind, whatever happens.
"""

import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress

from gauntlet.core.errors import StackError

PROGRAM = "nft"
INSTALL = "install it; on Debian and Ubuntu: apt-get install nftables"
_TIMEOUT_S = 10.0
_PACKETS = re.compile(r"counter packets (\d+)")
_SHARES = 10_000  # of which a random number of a packet takes one


class PacketFilter:
    """The rules of one fault: packets to and from each port are dropped at random."""

    def __init__(self, table: str, ports: Iterable[int], share: float) -> None:
        """Add the rules; StackError, with what to do about it, if this machine cannot."""
        program = shutil.which(PROGRAM) if sys.platform == "linux" else None
        if program is None:
            raise StackError(f"packets are dropped by {PROGRAM}, which was not found; {INSTALL}")
        self._program = program
        self._table = table
        # Another session: Ctrl-C must not end it before the heal.
        self._owner = subprocess.Popen(
            [program, "-i"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            failure = self._add(_commands(table, sorted(ports), round(share * _SHARES)))
            if not failure and self._listed() is None:
                failure = "the rules are not there"
        except BaseException:
            self.remove()
            raise
        if failure:
            self.remove()
            raise StackError(f"the kernel does not drop packets for this process: {failure}")

    def affected(self) -> int:
        """Return how many packets were dropped so far."""
        return sum(map(int, _PACKETS.findall(self._listed() or "")))

    def remove(self) -> None:
        """Remove the rules; does nothing if they are gone."""
        self._owner.kill()
        self._owner.wait(_TIMEOUT_S)
        for pipe in (self._owner.stdin, self._owner.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not written yet
                    pipe.close()

    @property
    def is_removed(self) -> bool:
        """Whether the kernel has no such rules any more."""
        return self._listed() is None

    def _add(self, commands: list[str]) -> str:
        """Run the commands; return the first line of an error."""
        stdin, stdout = self._owner.stdin, self._owner.stdout
        assert stdin is not None
        assert stdout is not None
        limit = threading.Timer(_TIMEOUT_S, self._owner.kill)
        limit.start()
        try:
            with suppress(OSError):  # it has ended, and its output says why
                stdin.write("\n".join([*commands, f"list table inet {self._table}", ""]))
                stdin.flush()
            # Only errors and the list at the end are answered.
            first = next(iter(stdout), f"{PROGRAM} does not answer")
        finally:
            limit.cancel()
        return "" if first.startswith("table inet") else first.strip()

    def _listed(self) -> str | None:
        """Return the table as text; None if there is no such table.

        As JSON, nft 1.0.6 prints random memory for the flags of a table with an owner.
        """
        command = [self._program, "list", "table", "inet", self._table]
        try:
            shown = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{PROGRAM} does not answer") from error
        return None if shown.returncode else shown.stdout


def unavailable() -> str:
    """Return why packets cannot be dropped here, after trying it; empty if they can."""
    try:
        # A name of its own: other processes may try at the same time.
        PacketFilter(f"gauntlet_trial_{secrets.token_hex(8)}", [1], 0.5).remove()
    except StackError as error:
        return str(error)
    return ""


def _commands(table: str, ports: list[int], shares: int) -> list[str]:
    drop = f"numgen random mod {_SHARES} < {shares} counter drop"
    rules = [
        f'add rule inet {table} loss iifname "lo" tcp {side} {port} {drop}'
        for port in ports
        for side in ("dport", "sport")
    ]
    return [
        f"add table inet {table} {{ flags owner; }}",
        f"add chain inet {table} loss {{ type filter hook input priority -150; }}",
        *rules,
    ]
