"""A circuit breaker: an instance that does not answer is tried only now and then. Pure.

The pattern is M. Nygard's ("Release It!", 2007), with the states closed, open and half-open.
"""

FAILURES_TO_OPEN = 5
RETRY_EVERY_S = 0.5


class CircuitBreaker:
    """Decides whether one instance of a service is called. All times are of one monotonic clock.

    Closed: every call goes through. `FAILURES_TO_OPEN` calls in a row without an answer open it,
    and no call goes through. Half-open: one call per `RETRY_EVERY_S` goes through, and an answer
    closes the breaker.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._refuses_until = float("-inf")
        self._last_answer_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether it is open or half-open: the last calls got no answer."""
        return self._failures >= FAILURES_TO_OPEN

    def allows(self, now_s: float) -> bool:
        """Return whether a call may go through now; while open, an allowed call is the retry."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        if now_s < self._refuses_until:
            return False
        self._refuses_until = now_s + RETRY_EVERY_S
        return True

    def record_success(self, now_s: float) -> bool:
        """Record that a call was answered, even with an error; True if this closes the breaker."""
        closes, self._failures, self._last_answer_at = self.is_open, 0, now_s
        return closes

    def record_failure(self, now_s: float) -> bool:
        """Record that a call got no answer; True if this opens the breaker."""
        self._failures += 1
        self._refuses_until = now_s + RETRY_EVERY_S
        return self._failures == FAILURES_TO_OPEN

    def is_silent_since(self, then_s: float) -> bool:
        """Return whether no call was answered since then; a slow instance answers some calls."""
        return self._last_answer_at < then_s
