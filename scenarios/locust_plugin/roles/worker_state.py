"""One worker as its master knows it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gauntlet.core.clock import NS_PER_MS, format_lead
from gauntlet.scenarios.distributed.clock_sync import ClockOffset
from gauntlet.scenarios.distributed.worker_identity import Identity

_SAME_CLOCK = ClockOffset()


class State(Enum):
    """How far a worker is with its part of the load."""

    READY = "ready"
    RUNNING = "running"
    LOST = "lost"
    WHOLE = "whole"


@dataclass(eq=False)
class Member:
    """`shares`: it writes into the master's run directory. `broken`: it cannot come back."""

    client: str
    identity: Identity
    number: int = 0
    offset: ClockOffset = _SAME_CLOCK
    heard_ns: int = 0
    shares: bool = False
    broken: bool = False
    state: State = State.READY

    def __str__(self) -> str:
        return f"Worker {self.number} ({self.identity})"

    def take_part(self, number: int) -> None:
        """Begin a load as worker `number` of it."""
        self.number, self.state, self.shares, self.broken = number, State.READY, False, False

    def gone(self) -> bool:
        """Whether there is nobody to wait for."""
        return self.state is State.LOST

    def row(self) -> dict[str, Any]:
        """Who it is, for the journal."""
        return {"worker": self.number, "host": self.identity.host, "pid": self.identity.pid}

    def clock_row(self) -> dict[str, Any]:
        """How its clock stands to ours, for the journal."""
        offset_ns, error_ns, _ = self.offset
        lead = format_lead(offset_ns / NS_PER_MS, error_ns / NS_PER_MS)
        return {
            "worker": self.number,
            "host": self.identity.host,
            "offset_ns": offset_ns,
            "error_ns": error_ns,
            "message": f"{self}: its clock is {lead}",
        }
