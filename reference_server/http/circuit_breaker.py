"""A circuit breaker: who does not answer is left alone, and tried now and then. Pure.

The pattern is M. Nygard's ("Release It!", 2007): closed, open, half-open.
"""

FAILURES = 5
REST_S = 0.5


class CircuitBreaker:
    """Whether one instance of a service is worth a call. All times are of one monotonic clock.

    Closed, every call goes through. `FAILURES` calls in a row that got no answer open it: none
    goes through. Half-open, one call each `REST_S` does, and an answer closes it.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._refuses_until = float("-inf")
        self._answered_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Open or half-open: the last calls got no answer."""
        return self._failures >= FAILURES

    def allows(self, now_s: float) -> bool:
        """Whether a call may go through now; one that may, while open, is the one that tries."""
        if self._failures < FAILURES:
            return True
        if now_s < self._refuses_until:
            return False
        self._refuses_until = now_s + REST_S
        return True

    def answered(self, now_s: float) -> bool:
        """A call got an answer, be it an error; True if this closed the breaker."""
        closes, self._failures, self._answered_at = self.is_open, 0, now_s
        return closes

    def failed(self, now_s: float) -> bool:
        """A call got no answer; True if this opened the breaker."""
        self._failures += 1
        self._refuses_until = now_s + REST_S
        return self._failures == FAILURES

    def silent_since(self, then_s: float) -> bool:
        """Whether nobody got an answer from then on: a slow instance answers others meanwhile."""
        return self._answered_at < then_s
