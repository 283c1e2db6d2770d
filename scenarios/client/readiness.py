"""Which conversations may be sent in: those whose members have all been connected. Pure.

What is sent is owed to every member who watches, so nothing is sent before they all do. A room's
members are put into it first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.workloads.entities import Conversation, User, device_keys


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
        members = device_keys(conv.members, self._devices)
        self._missing[conv.number] = set(members) - self._connected
        for user in conv.members:
            self.of_user[user].append(conv)
        for device_key in members:
            if device_key in self._connected:
                self._ledger.watch(conv.number, device_key)
        if not self._missing[conv.number]:
            self._prepare(conv)

    def on_connected(self, user: User) -> None:
        """A user has a connection on a device: from its first one on he watches there."""
        device_key = user.device_key
        if device_key in self._connected:
            return
        self._connected.add(device_key)
        for conv in self.of_user[user.number]:
            self._ledger.watch(conv.number, device_key)
            waiting = self._missing[conv.number]
            waiting.discard(device_key)
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
