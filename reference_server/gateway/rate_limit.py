"""How fast one user may send. Pure.

A token bucket in the form of the generic cell rate algorithm (ITU-T I.371): one number per user.
"""

USERS_MIN = 10_000  # below this many, nobody is forgotten


class RateLimit:
    """`per_s` sends a second for each user, `burst` at once; memory for the active users only."""

    def __init__(self, per_s: int, burst: int) -> None:
        self._cost_s = 1 / per_s
        self._ahead_max_s = burst / per_s + 1e-9
        self._paid_until: dict[str, float] = {}  # when a user's bucket is full again
        self._sweep_at = USERS_MIN

    def allows(self, user: str, now_s: float) -> bool:
        """Whether the user may send now, which then counts; seconds of a monotonic clock."""
        paid_until = max(self._paid_until.get(user, now_s), now_s) + self._cost_s
        if paid_until - now_s > self._ahead_max_s:
            return False
        self._paid_until[user] = paid_until
        if len(self._paid_until) > self._sweep_at:
            self._sweep(now_s)
        return True

    def _sweep(self, now_s: float) -> None:
        """Forget whose bucket is full; rarely, so that it costs each send next to nothing."""
        self._paid_until = {user: at for user, at in self._paid_until.items() if at > now_s}
        self._sweep_at = max(USERS_MIN, 2 * len(self._paid_until))
