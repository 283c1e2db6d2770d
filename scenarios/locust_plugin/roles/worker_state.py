"""What a master knows about one worker."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gauntlet.core.clock import NS_PER_MS, format_lead
from gauntlet.scenarios.distributed.clock_sync import ClockOffset
from gauntlet.scenarios.distributed.worker_identity import Identity

_SAME_CLOCK = ClockOffset()


class Progress(Enum):
    """How far a worker is with its part of the load."""

    READY = "ready"
    RUNNING = "running"
    LOST = "lost"
    COMPLETE = "complete"


@dataclass(eq=False)
class WorkerState:
    """One worker, identified by `client_id` in Locust and by `number` within a load.

    `offset` is the worker's clock less the master's. `writes_here` is true for a worker that writes
    into the master's run directory. `failed` is true for one whose engine has ended and which
    therefore cannot come back. `adapter` is the adapter outside of Gauntlet whose version was
    compared with the master's.
    """

    client_id: str
    identity: Identity
    number: int = 0
    offset: ClockOffset = _SAME_CLOCK
    last_heartbeat_ns: int = 0
    writes_here: bool = False
    failed: bool = False
    adapter: str = ""
    progress: Progress = Progress.READY

    def __str__(self) -> str:
        return f"Worker {self.number} ({self.identity})"

    def assign(self, number: int) -> None:
        """Make this worker number `number` of a new load."""
        self.number, self.progress = number, Progress.READY
        self.writes_here = self.failed = False

    def is_lost(self) -> bool:
        """Whether no answer can be expected from this worker."""
        return self.progress is Progress.LOST

    def row(self) -> dict[str, Any]:
        """Return the fields that identify the worker in the journal."""
        return {"worker": self.number, "host": self.identity.host, "pid": self.identity.pid}

    def clock_row(self) -> dict[str, Any]:
        """Return the fields that compare the worker's clock with the master's in the journal."""
        offset_ns, error_ns, _ = self.offset
        lead = format_lead(offset_ns / NS_PER_MS, error_ns / NS_PER_MS)
        return {
            "worker": self.number,
            "host": self.identity.host,
            "offset_ns": offset_ns,
            "error_ns": error_ns,
            "message": f"{self}: its clock is {lead}",
        }
