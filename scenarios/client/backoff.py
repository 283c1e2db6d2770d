"""Exponential backoff with full jitter: a uniform wait between zero and a doubling ceiling.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random

from gauntlet.core.clock import NS_PER_MS

# Those of a session that has lost its connection.
SESSION_BASE_MS = 250
SESSION_CAP_MS = 2_000

_EXPONENT_MAX = 30  # keeps the power small; every cap is reached long before


class Backoff:
    """The waits between the attempts of one client; call `reset` after a success."""

    __slots__ = ("_base_ms", "_cap_ms", "_rng", "failures")

    def __init__(self, rng: random.Random, base_ms: float, cap_ms: float) -> None:
        self._rng = rng
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self.failures = 0

    def next_ns(self) -> int:
        """Count a failure and return the wait before the next attempt, in nanoseconds."""
        ceiling_ms = min(self._cap_ms, self._base_ms * 2 ** min(self.failures, _EXPONENT_MAX))
        self.failures += 1
        return int(self._rng.uniform(0, ceiling_ms) * NS_PER_MS)

    def reset(self) -> None:
        """Start again with the shortest ceiling."""
        self.failures = 0
