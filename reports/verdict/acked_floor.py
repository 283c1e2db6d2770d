"""Whether the system accepted enough: a run in which it refuses most messages proves nothing.

A system that answers one send in a hundred loses nothing that it acknowledged, and every check is
valid. Therefore at least `load.acked_floor` of the ops outside of faults and recoveries must be
acknowledged. An op belongs to a fault if the fault was requested before the op ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.errors import Exit
from gauntlet.reports.history.arrays import Bools
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.metrics.slow_sends import SlowSends, slow_sends
from gauntlet.reports.verdict.verdict import Reason


@dataclass(frozen=True)
class AckedShare:
    """How many ops outside of faults and recoveries were acknowledged, and how many had to be."""

    ops: int
    acked: int
    floor: float

    @property
    def share(self) -> float | None:
        """The share of acknowledged ops, None if there were no ops."""
        return self.acked / self.ops if self.ops else None

    @property
    def too_low(self) -> bool:
        """Whether the share is below the floor."""
        return self.share is not None and self.share < self.floor

    def to_builtins(self) -> dict[str, Any]:
        """Return the entry `acked_share` of result.json."""
        return {"ops": self.ops, "acked": self.acked, "share": self.share, "floor": self.floor}


def measure(run: IndicatorInput) -> AckedShare:
    """Return the share of acknowledged ops in steady load."""
    history, steady = run.history, run.windows["steady"]
    acked = run.ack.within(steady).finite
    slow = history.once(slow_sends)
    unacked = ~slow.acked & steady.contains(slow.intended_ns) & ~_ended_in_a_fault(history, slow)
    return AckedShare(
        ops=acked + int(unacked.sum()),
        acked=acked,
        floor=history.scenario.load.acked_floor,
    )


def _ended_in_a_fault(history: History, slow: SlowSends) -> Bools:
    """Return which ops were in progress when a fault was requested, or had no end at all."""
    in_progress = np.zeros(slow.ended_ns.size, dtype=np.bool_)
    for fault in history.events.faults:
        if fault.requested_ns is not None:
            in_progress |= (slow.intended_ns <= fault.requested_ns) & (
                slow.ended_ns > fault.requested_ns
            )
    return in_progress


def reasons(found: AckedShare, history: History) -> Iterator[Reason]:
    """Yield a reason if the share is too low; a run that was cut short is not judged."""
    if not found.too_low or history.events.interrupted:
        return
    share = found.acked / found.ops
    yield Reason(
        Exit.FAILED,
        f"acked-floor: only {found.acked:,} of {found.ops:,} ops outside of faults were "
        f"acknowledged ({100 * share:.2f} %); `load.acked_floor` requires at least "
        f"{100 * found.floor:g} %.",
    )
