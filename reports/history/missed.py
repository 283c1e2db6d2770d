"""The arrivals that became no op: when they were intended, and why they were missed."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Kind, Miss
from gauntlet.reports.history.records import Bools, Ints, Records, ints


@dataclass(frozen=True)
class Missed:
    """Parallel arrays, one entry a missed arrival; `why` is a `gauntlet.core.history.Miss`."""

    intended_ns: Ints
    missed_ns: Ints
    why: Ints

    @property
    def crowded_out(self) -> Bools:
        """Which had a sender, for whom there was no room: what was before them did not end."""
        crowded: Bools = self.why != Miss.NOBODY
        return crowded


def collect(records: Records) -> Missed:
    """The missed arrivals of a history."""
    at = np.flatnonzero(records["kind"] == Kind.MISSED)
    return Missed(*(ints(records[column][at]) for column in ("ref_ns", "t_ns", "spare")))
