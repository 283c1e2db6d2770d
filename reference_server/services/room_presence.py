"""Who is in which room, held by which connections, and who is to be counted out. Pure.

A stay begins with the first `enter` of a user in a room and ends when no connection holds it any
more. A connection that is lost keeps holding for the grace; then another of the same user inherits,
one that lives or one whose own grace still runs, and only if there is none the holder is gone.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gauntlet.reference_server.store.base import Present

LET_GO_MAX = 10_000  # as many events as one edge repeats at most


@dataclass
class Stay:
    """A user in a room. `entered_by` names the stay in SQL; `holders` changes with reconnects."""

    conv: str
    user: str
    entered_by: str
    holders: list[str] = field(default_factory=list)


class Attendance:
    """All stays, and each user's lost connections with the time (in seconds) of their loss.

    Methods that return stays say which have lost their last holder: the caller sees to it that
    SQL knows, then calls `ended`. Until then they are returned again.
    """

    def __init__(self) -> None:
        self._stays: dict[str, dict[str, Stay]] = {}
        self._lost: dict[str, dict[str, float]] = {}
        self._doubted: set[str] = set()  # lost by the silence of their lease alone
        # (conversation, connection) of those that let go last: their exits may be told again.
        self._let_go: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._stays.values()))

    def stay(self, conv: str, user: str) -> Stay | None:
        """The user's stay in a room."""
        return self._stays.get(user, {}).get(conv)

    def restore(self, present: Collection[Present]) -> None:
        """Take over what SQL knows, after a start."""
        for row in present:
            self.entered(row.conv, row.user, row.connection)

    def entered(self, conv: str, user: str, connection: str, *, anew: bool = False) -> None:
        """A connection holds the user's stay, which begins with it unless there was one.

        `anew`: SQL had none, so that what is known here of an earlier one is out of date.
        """
        self._let_go.pop((conv, connection), None)
        stay = None if anew else self.stay(conv, user)
        if stay is None:
            stay = self._stays.setdefault(user, {})[conv] = Stay(conv, user, connection)
        if connection not in stay.holders:
            stay.holders.append(connection)

    def exited(self, conv: str, user: str, connection: str) -> list[Stay]:
        """A connection lets go; one that never entered has inherited from the oldest holder.

        One that has let go before says so again: that is about no other's hold.
        """
        stay = self.stay(conv, user)
        holders = stay.holders if stay else []
        gone = [connection]
        if connection not in holders and (conv, connection) not in self._let_go:
            gone += holders[:1]
        for each in gone:
            self._let_go[conv, each] = None
            if each in holders:
                holders.remove(each)
        while len(self._let_go) > LET_GO_MAX:
            self._let_go.popitem(last=False)
        return [stay] if stay and not holders else []

    def left(self, user: str, connection: str) -> list[Stay]:
        """A connection lets go of everything it holds."""
        held = [stay for stay in self._of(user) if connection in stay.holders or not stay.holders]
        return [over for stay in held for over in self.exited(stay.conv, user, connection)]

    def lost(self, user: str, connection: str, now_s: float) -> None:
        """A connection broke; the grace begins, unless it has begun or the user is in no room."""
        if connection in self._doubted:
            self.forget(user, connection)  # the grace counts from what is known
        if user in self._stays:
            self._lost.setdefault(user, {}).setdefault(connection, now_s)

    def back(self, user: str, connection: str) -> None:
        """A user returned on a new connection: it inherits from all that he has lost."""
        for broken in list(self._lost.get(user, ())):
            self.replaced(user, broken, connection)

    def unseen(self, living: Mapping[str, Collection[str]], now_s: float) -> None:
        """Count holders that no living lease names as lost; `living` is by user."""
        for user in self._stays:
            holders = {each for stay in self._of(user) for each in stay.holders}
            for connection in holders - set(living.get(user, ())) - set(self._lost.get(user, ())):
                self.lost(user, connection, now_s)
                self._doubted.add(connection)

    def seen(self, living: Mapping[str, Collection[str]]) -> None:
        """Take back what `unseen` had to assume of those whose leases are there again."""
        for user, connections in living.items():
            for connection in self._doubted.intersection(connections):
                self.forget(user, connection)

    def overdue(self, now_s: float, grace_s: float) -> dict[str, str]:
        """Lost connections whose grace is over, each with its user."""
        return {
            connection: user
            for user, lost in self._lost.items()
            for connection, since_s in lost.items()
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
            self.forget(user, broken)
        return over

    def heir(self, user: str, living: Collection[str], overdue: Collection[str] = ()) -> str | None:
        """Another connection of the user: one that lives, else one that may still be replaced."""
        lost = self._lost.get(user, {})
        in_order = (*sorted(set(living) - lost.keys()), *sorted(lost.keys() - set(overdue)))
        return next(iter(in_order), None)

    def ended(self, stay: Stay) -> None:
        """SQL knows that the stay is over."""
        of_user = self._stays.get(stay.user, {})
        if of_user.get(stay.conv) is stay:
            del of_user[stay.conv]
            if not of_user:
                del self._stays[stay.user]

    def forget(self, user: str, connection: str) -> None:
        """Nothing is left to do about a lost connection."""
        self._doubted.discard(connection)
        lost = self._lost.get(user, {})
        lost.pop(connection, None)
        if not lost:
            self._lost.pop(user, None)

    @property
    def users(self) -> list[str]:
        """Everyone who is in a room."""
        return list(self._stays)

    def _of(self, user: str) -> Iterator[Stay]:
        return iter(list(self._stays.get(user, {}).values()))
