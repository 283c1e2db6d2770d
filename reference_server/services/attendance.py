"""Who is in which room, held by which connections, and who is to be counted out. Pure.

A stay begins with the first `enter` of a user in a room and ends when no connection holds it any
more. A connection that is lost keeps holding for the grace; then a living connection of the same
user inherits, and only if there is none the holder is gone.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from reference_server.store.base import Present


@dataclass
class Stay:
    """A user in a room. `entered_by` names the stay in SQL; `holders` changes with reconnects."""

    conv: str
    user: str
    entered_by: str
    holders: list[str] = field(default_factory=list)


class Attendance:
    """All stays, and the connections that were lost with the time (in seconds) of their loss.

    Methods that return stays say which have lost their last holder: the caller sees to it that
    SQL knows, then calls `ended`. Until then they are returned again.
    """

    def __init__(self) -> None:
        self._stays: dict[str, dict[str, Stay]] = {}
        self._lost: dict[str, tuple[str, float]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._stays.values()))

    def restore(self, present: Collection[Present]) -> None:
        """Take over what SQL knows, after a start."""
        for row in present:
            self.entered(row.conv, row.user, row.connection)

    def entered(self, conv: str, user: str, connection: str) -> None:
        """A connection holds the user's stay, which begins with it unless there was one."""
        stay = self._stays.setdefault(user, {}).setdefault(conv, Stay(conv, user, connection))
        if connection not in stay.holders:
            stay.holders.append(connection)

    def exited(self, conv: str, user: str, connection: str) -> list[Stay]:
        """A connection lets go; one that never entered has inherited from the oldest holder."""
        stay = self._stays.get(user, {}).get(conv)
        if stay is None:
            return []
        if stay.holders:
            stay.holders.remove(connection if connection in stay.holders else stay.holders[0])
        return [] if stay.holders else [stay]

    def left(self, user: str, connection: str) -> list[Stay]:
        """A connection lets go of everything it holds."""
        held = [stay for stay in self._of(user) if connection in stay.holders or not stay.holders]
        return [over for stay in held for over in self.exited(stay.conv, user, connection)]

    def lost(self, user: str, connection: str, now_s: float) -> None:
        """A connection broke; the grace begins, unless it has begun or nothing is held."""
        if any(connection in stay.holders for stay in self._of(user)):
            self._lost.setdefault(connection, (user, now_s))

    def back(self, user: str, connection: str) -> None:
        """A user returned on a new connection: it inherits from all that he has lost."""
        for broken in [each for each, (owner, _) in self._lost.items() if owner == user]:
            self.replaced(user, broken, connection)

    def unseen(self, living: dict[str, set[str]], now_s: float) -> None:
        """Count holders that no living lease names as lost; `living` is by user."""
        for user in self._stays:
            for stay in self._of(user):
                for connection in stay.holders:
                    if connection not in living.get(user, ()):
                        self.lost(user, connection, now_s)

    def overdue(self, now_s: float, grace_s: float) -> dict[str, str]:
        """Lost connections whose grace is over, each with its user."""
        return {
            connection: user
            for connection, (user, since_s) in self._lost.items()
            if now_s - since_s >= grace_s
        }

    def replaced(self, user: str, broken: str, successor: str | None) -> list[Stay]:
        """A lost connection is succeeded by another, or by none."""
        over = []
        for stay in self._of(user):
            if broken in stay.holders:
                stay.holders.remove(broken)
                if successor is not None and successor not in stay.holders:
                    stay.holders.append(successor)
            if not stay.holders:
                over.append(stay)
        if not over:
            self._lost.pop(broken, None)
        return over

    def heir(self, living: Collection[str]) -> str | None:
        """A living connection that is not itself lost."""
        return next((each for each in sorted(living) if each not in self._lost), None)

    def ended(self, stay: Stay) -> None:
        """SQL knows that the stay is over."""
        of_user = self._stays.get(stay.user, {})
        if of_user.get(stay.conv) is stay:
            del of_user[stay.conv]
            if not of_user:
                del self._stays[stay.user]

    def forget(self, connection: str) -> None:
        """Nothing is left to do about a lost connection."""
        self._lost.pop(connection, None)

    @property
    def users(self) -> list[str]:
        """Everyone who is in a room."""
        return list(self._stays)

    def _of(self, user: str) -> Iterator[Stay]:
        return iter(list(self._stays.get(user, {}).values()))
