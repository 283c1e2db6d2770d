"""What went wrong between the load and the system, as the load's workers have counted it.

Each worker writes one row `error-count` for each kind of error at its end. Runs of older versions
have no such rows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.times.clock_alignment import ClockAlignment

_WORKER_JOURNAL = re.compile(r"load-(\d+)")
# A period of the master's clock, in nanoseconds: start and end.
Period = tuple[int, int]


@dataclass
class ErrorGroup:
    """Errors of all workers with one text; times in nanoseconds of the master's clock.

    `concerns` is a kind of the load's error log. `seconds` holds how many there were in the second
    that begins at each time; errors without a known second are not in it.
    """

    concerns: str
    text: str
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    workers: set[int] = field(default_factory=set)
    seconds: list[tuple[int, int]] = field(default_factory=list)

    def outside(self, periods: Sequence[Period]) -> int:
        """Return how many of the errors certainly occurred outside of all these periods.

        A second that a period only touches belongs to the period.
        """

        def is_outside(start_ns: int, end_ns: int) -> bool:
            return all(end_ns < begin_ns or start_ns > until_ns for begin_ns, until_ns in periods)

        known = sum(count for _, count in self.seconds)
        unknown = self.count - known if is_outside(self.first_ns, self.last_ns) else 0
        return unknown + sum(
            count for start_ns, count in self.seconds if is_outside(start_ns, start_ns + NS_PER_S)
        )

    def periods(self) -> list[Period]:
        """Return the periods in which the errors occurred: seconds, as far as they are known."""
        known = [(start_ns, start_ns + NS_PER_S) for start_ns, count in self.seconds if count]
        if self.count > sum(count for _, count in self.seconds):
            known.append((self.first_ns, self.last_ns))
        return known


def collect_errors(rows: Iterable[dict[str, Any]], clocks: ClockAlignment) -> list[ErrorGroup]:
    """Return the errors in the rows of `RunDir.read_events`, the most frequent ones first."""
    groups: dict[tuple[str, str], ErrorGroup] = {}
    for row in rows:
        if row["kind"] != "error-count" or not (name := _WORKER_JOURNAL.fullmatch(row["writer"])):
            continue
        worker = int(name[1])
        last = np.array(row["last_ns"], dtype=np.int64)
        lead_ns = int(clocks.lead_ns(worker, last))
        first_ns, last_ns = int(row["first_ns"]) - lead_ns, int(row["last_ns"]) - lead_ns
        key = (str(row["concerns"]), str(row.get("pattern", row["text"])))
        group = groups.get(key)
        if group is None:
            group = groups[key] = ErrorGroup(key[0], str(row["text"]), 0, first_ns, last_ns)
        group.count += int(row["count"])
        group.first_ns = min(group.first_ns, first_ns)
        group.last_ns = max(group.last_ns, last_ns)
        group.workers.add(worker)
        group.seconds += [
            (int(second) * NS_PER_S - lead_ns, int(count))
            for second, count in row.get("seconds", ())
        ]
    return sorted(groups.values(), key=lambda group: (-group.count, group.concerns, group.text))
