"""Entries of Locust's table whose percentiles are cheap to read."""

from bisect import bisect_right
from itertools import accumulate

from locust.stats import RequestStats, StatsEntry


class SecondsEntry(StatsEntry):
    """An entry that sorts its response times once for all percentiles.

    Locust sorts them for each percentile, of which its CSV files and its page need dozens per
    second. Its times are rounded to two digits, while ours have thousands of different values, and
    are floats, although Locust annotates them as int.
    """

    def reset(self) -> None:
        """Forget everything."""
        super().reset()  # type: ignore[no-untyped-call]  # as Locust has it
        # For this number of times: the times in ascending order, and how many are below each.
        self._sorted: tuple[int, list[int], list[int]] = (0, [], [])

    def get_response_time_percentile(self, percent: float) -> int:
        """Return what Locust's own method returns."""
        count = self.num_requests - self.num_none_requests
        if self._sorted[0] != count:
            times_ms = sorted(self.response_times)
            below = [0, *accumulate(self.response_times[time_ms] for time_ms in times_ms)]
            self._sorted = count, times_ms, below[:-1]
        _, times_ms, below = self._sorted
        return times_ms[bisect_right(below, int(count * percent)) - 1] if times_ms else 0

    @property
    def median_response_time(self) -> int:
        """The median, between the smallest and the largest time."""
        if not self.response_times:
            return 0
        median_ms = self.get_response_time_percentile(0.5)
        return max(min(median_ms, self.max_response_time), self.min_response_time or 0)


def entry(stats: RequestStats, name: str, method: str) -> SecondsEntry:
    """Return the entry of a name; one that Locust has made before is replaced."""
    found = stats.entries.get((name, method))
    if not isinstance(found, SecondsEntry):
        found = stats.entries[name, method] = _like(stats, name, method, found)
    return found


def total(stats: RequestStats) -> SecondsEntry:
    """Return the entry of all requests, which is replaced, too."""
    if not isinstance(stats.total, SecondsEntry):
        stats.total = _like(stats, stats.total.name, stats.total.method, stats.total)
    return stats.total


def _like(stats: RequestStats, name: str, method: str, old: StatsEntry | None) -> SecondsEntry:
    new = SecondsEntry(stats, name, method, stats.use_response_times_cache)
    if old is not None:
        new.extend(old)
    return new
