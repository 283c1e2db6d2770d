"""The arrivals that became no op: when they were intended, and why they were missed."""

from dataclasses import dataclass

import numpy as np

from gauntlet.kernel.history import Kind
from reports.columns import Ints, Records, ints


@dataclass(frozen=True)
class Missed:
    """Parallel arrays, one entry a missed arrival; `why` is a `gauntlet.kernel.history.Miss`."""

    intended_ns: Ints
    why: Ints


def collect(records: Records) -> Missed:
    """The missed arrivals of a history."""
    at = np.flatnonzero(records["kind"] == Kind.MISSED)
    return Missed(ints(records["ref_ns"][at]), ints(records["spare"][at]))
