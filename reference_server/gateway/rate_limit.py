"""Limits how fast one user may send. Pure.

A token bucket as the generic cell rate algorithm (ITU-T I.371), which needs one number per user.
"""

USERS_MIN = 10_000  # idle users are dropped only above this number


class RateLimiter:
    """Allows each user `per_s` sends a second and bursts of `burst`; keeps active users only."""

    def __init__(self, per_s: int, burst: int) -> None:
        self._cost_s = 1 / per_s
        self._ahead_max_s = burst / per_s + 1e-9
        self._full_at: dict[str, float] = {}  # when a user's bucket is full again
        self._sweep_at = USERS_MIN

    def allows(self, user: str, now_s: float) -> bool:
        """Return whether the user may send now, and count the send if so.

        `now_s` is the time of a monotonic clock in seconds.
        """
        full_at = max(self._full_at.get(user, now_s), now_s) + self._cost_s
        if full_at - now_s > self._ahead_max_s:
            return False
        self._full_at[user] = full_at
        if len(self._full_at) > self._sweep_at:
            self._sweep(now_s)
        return True

    def _sweep(self, now_s: float) -> None:
        """Drop users whose bucket is full; runs rarely, so its cost per send is negligible."""
        self._full_at = {
            user: full_at for user, full_at in self._full_at.items() if full_at > now_s
        }
        self._sweep_at = max(USERS_MIN, 2 * len(self._full_at))
