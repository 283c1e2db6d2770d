"""Exponential backoff with full jitter: a uniform wait between zero and a doubling ceiling.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random

from gauntlet.core.clock import NS_PER_MS


class Backoff:
    """One client's waits; `reset` after a success."""

    __slots__ = ("_base_ms", "_cap_ms", "_rng", "failures")

    def __init__(self, rng: random.Random, base_ms: float, cap_ms: float) -> None:
        self._rng = rng
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self.failures = 0

    def next_ns(self) -> int:
        """The wait before the next try, in nanoseconds."""
        ceiling_ms = min(self._cap_ms, self._base_ms * 2 ** min(self.failures, 30))
        self.failures += 1
        return int(self._rng.uniform(0, ceiling_ms) * NS_PER_MS)

    def reset(self) -> None:
        """Begin again with the shortest ceiling."""
        self.failures = 0
