"""Which conversations may be sent in: those whose members have all been connected. Pure.

What is sent is owed to every member who watches, so nothing is sent before they all do. A room's
members are put into it first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.workloads.entities import Conversation, User, seats


class Readiness:
    """A worker's conversations; `prepare` is told of each whose members are all there.

    `ready` holds their numbers. `of_user` lists every user's conversations by his number, and
    grows as they are opened.
    """

    def __init__(
        self,
        ledger: Ledger,
        conversations: Iterable[Conversation],
        prepare: Callable[[Conversation], None],
        devices: int = 1,
    ) -> None:
        self._devices = devices
        self.of_user: dict[int, list[Conversation]] = defaultdict(list)
        self._ledger = ledger
        self._prepare = prepare
        self._connected: set[int] = set()
        self._missing: dict[int, set[int]] = {}  # by conversation: whom it waits for
        self.ready: set[int] = set()
        self._waiting: dict[int, list[Callable[[], None]]] = defaultdict(list)
        for conv in conversations:
            self.open(conv)

    def open(self, conv: Conversation) -> None:
        """Count a conversation from here on, for those who are connected and those who will be."""
        self._ledger.open(conv)
        members = seats(conv.members, self._devices)
        self._missing[conv.number] = set(members) - self._connected
        for user in conv.members:
            self.of_user[user].append(conv)
        for seat in members:
            if seat in self._connected:
                self._ledger.watch(conv.number, seat)
        if not self._missing[conv.number]:
            self._prepare(conv)

    def on_connected(self, user: User) -> None:
        """A user has a connection on a device: from its first one on he watches there."""
        seat = user.seat
        if seat in self._connected:
            return
        self._connected.add(seat)
        for conv in self.of_user[user.number]:
            self._ledger.watch(conv.number, seat)
            waiting = self._missing[conv.number]
            waiting.discard(seat)
            if not waiting:
                self._prepare(conv)

    def mark(self, conv: Conversation) -> None:
        """It may be sent in from now on."""
        self.ready.add(conv.number)
        for call in self._waiting.pop(conv.number, ()):
            call()

    def __contains__(self, conv: Conversation) -> bool:
        return conv.number in self.ready

    def when(self, conv: Conversation, call: Callable[[], None]) -> None:
        """Have `call` made as soon as it may be sent in, which may be at once, or never."""
        if conv in self:
            call()
        else:
            self._waiting[conv.number].append(call)
