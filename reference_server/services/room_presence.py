"""Who is present in which room, on which connections, and who has to be evicted. Pure.

A stay of a user in a room begins with their first `enter` and ends when no connection of theirs
is part of it any more. A lost connection remains part of it for the grace period. After that
another connection of the user succeeds it: a live one, or one whose own grace period has not
ended, unless it has exited the room. If there is none, the connection is removed.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gauntlet.reference_server.store.base import Present

RELEASES_KEPT = 10_000  # an edge repeats at most this many events


@dataclass
class PresenceEntry:
    """A user's stay in a room.

    `entered_by` identifies the stay in SQL; `connections` changes when the user reconnects.
    """

    conv: str
    user: str
    entered_by: str
    connections: list[str] = field(default_factory=list)


class RoomPresence:
    """All stays, and each user's lost connections with the time of their loss in seconds.

    Methods that return a list of entries return those that have lost their last connection. The
    caller writes their end to SQL and then calls `remove`; until then they are returned again.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, PresenceEntry]] = {}  # by user and conversation
        self._lost: dict[str, dict[str, float]] = {}
        # Lost connections that no edge has reported: they merely have no lease.
        self._assumed_lost: set[str] = set()
        # The last exits as (conversation, connection): an edge may report them again.
        self._released: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def entry(self, conv: str, user: str) -> PresenceEntry | None:
        """Return the user's stay in a room."""
        return self._entries.get(user, {}).get(conv)

    def restore(self, present: Collection[Present]) -> None:
        """Take over the attendance in SQL after a start."""
        for row in present:
            self.enter(row.conv, row.user, row.connection)

    def enter(self, conv: str, user: str, connection: str, *, is_new: bool = False) -> None:
        """Add a connection to the user's stay, which begins now unless there is one.

        `is_new`: SQL had no stay, so a stay that is known here is out of date.
        """
        self._released.pop((conv, connection), None)
        entry = None if is_new else self.entry(conv, user)
        if entry is None:
            entry = self._entries.setdefault(user, {})[conv] = PresenceEntry(conv, user, connection)
        if connection not in entry.connections:
            entry.connections.append(connection)

    def exit(self, conv: str, user: str, connection: str) -> list[PresenceEntry]:
        """Release a connection; one that never entered also releases the oldest connection.

        Such a connection has succeeded the oldest one, which the user knows to be gone. A repeated
        exit of a connection that was released before releases no other one.
        """
        entry = self.entry(conv, user)
        connections = entry.connections if entry else []
        released = [connection]
        if connection not in connections and (conv, connection) not in self._released:
            released += connections[:1]
        for each in released:
            self._released[conv, each] = None
            if each in connections:
                connections.remove(each)
        while len(self._released) > RELEASES_KEPT:
            self._released.popitem(last=False)
        return [entry] if entry and not connections else []

    def leave(self, user: str, connection: str) -> list[PresenceEntry]:
        """Release a connection in every room."""
        held = [
            entry
            for entry in self._of(user)
            if connection in entry.connections or not entry.connections
        ]
        return [ended for entry in held for ended in self.exit(entry.conv, user, connection)]

    def mark_lost(self, user: str, connection: str, now_s: float) -> None:
        """Start the grace period of a broken connection.

        Nothing happens if it has started already, or if the user is in no room.
        """
        if connection in self._assumed_lost:
            self.forget(user, connection)  # the grace period counts from the edge's report
        if user in self._entries:
            self._lost.setdefault(user, {}).setdefault(connection, now_s)

    def reconnect(self, user: str, connection: str) -> None:
        """Let a new connection succeed all lost connections of its user."""
        for lost in list(self._lost.get(user, ())):
            self.replace(user, lost, [connection])

    def mark_unleased(self, leased: Mapping[str, Collection[str]], now_s: float) -> None:
        """Assume that connections without a lease are lost; `leased` is by user."""
        for user in self._entries:
            connections = {each for entry in self._of(user) for each in entry.connections}
            missing = connections - set(leased.get(user, ())) - set(self._lost.get(user, ()))
            for connection in missing:
                self.mark_lost(user, connection, now_s)
                self._assumed_lost.add(connection)

    def confirm_leased(self, leased: Mapping[str, Collection[str]]) -> None:
        """Revoke the assumption of `mark_unleased` for connections that have a lease again."""
        for user, connections in leased.items():
            for connection in self._assumed_lost.intersection(connections):
                self.forget(user, connection)

    def overdue(self, now_s: float, grace_s: float) -> dict[str, str]:
        """Return the lost connections whose grace period is over, each with its user."""
        return {
            connection: user
            for user, lost in self._lost.items()
            for connection, since_s in lost.items()
            if now_s - since_s >= grace_s
        }

    def replace(self, user: str, lost: str, successors: Sequence[str]) -> list[PresenceEntry]:
        """Replace a lost connection in each room by the first successor that may hold the stay.

        A connection that has exited a room does not hold a stay there: the user exited on it and
        will not do so again. Without a successor, the lost connection is removed.
        """
        ended = []
        for entry in self._of(user):
            if lost in entry.connections:
                entry.connections.remove(lost)
                able = (each for each in successors if (entry.conv, each) not in self._released)
                successor = next(able, None)
                if successor is not None and successor not in entry.connections:
                    entry.connections.append(successor)
            if not entry.connections:
                ended.append(entry)
        if not ended:
            self.forget(user, lost)
        return ended

    def successors(
        self, user: str, leased: Collection[str], overdue: Collection[str] = ()
    ) -> list[str]:
        """Return the other connections of the user: live ones, then those not overdue."""
        lost = self._lost.get(user, {})
        return [*sorted(set(leased) - lost.keys()), *sorted(lost.keys() - set(overdue))]

    def remove(self, entry: PresenceEntry) -> None:
        """Remove a stay whose end is stored in SQL."""
        entries = self._entries.get(entry.user, {})
        if entries.get(entry.conv) is entry:
            del entries[entry.conv]
            if not entries:
                del self._entries[entry.user]

    def forget(self, user: str, connection: str) -> None:
        """Drop a lost connection: it has come back, was succeeded, or was removed."""
        self._assumed_lost.discard(connection)
        lost = self._lost.get(user, {})
        lost.pop(connection, None)
        if not lost:
            self._lost.pop(user, None)

    @property
    def users(self) -> list[str]:
        """All users who are in a room."""
        return list(self._entries)

    def _of(self, user: str) -> Iterator[PresenceEntry]:
        return iter(list(self._entries.get(user, {}).values()))
