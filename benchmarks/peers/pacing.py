"""When a user of a closed-loop peer sends."""


class Pacing:
    """The times at which a user sends: one in each interval of `pace_s`, all at the same offset.

    The offset is drawn by the caller, so that the users are spread over the interval. Locust's own
    `constant_pacing` cannot keep it: it counts the first interval from the creation of the user, so
    users who are created together soon send together, in one burst per interval. A burst costs a
    generator much less per message than messages that arrive one by one.
    """

    def __init__(self, pace_s: float, first_s: float) -> None:
        """`first_s` is the time of the first send, by the clock that `pause_s` is called with."""
        self._pace_s = pace_s
        self._due_s = first_s

    def pause_s(self, now_s: float) -> float:
        """Return the time until the next send; intervals that are over already are left out."""
        if self._pace_s:
            passed = max(1, -(-(now_s - self._due_s) // self._pace_s))
            self._due_s += passed * self._pace_s
        return max(0.0, self._due_s - now_s)
