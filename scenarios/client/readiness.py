"""Which conversations are ready for sends: those whose members have all connected once. Pure.

Every message must be delivered to all members that watch its conversation, so nothing is sent
before all of them do. The members of a room are added to it first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.workloads.entities import Conversation, User, device_keys


class Readiness:
    """The conversations of a worker.

    `prepare` is called for a conversation when its last member has connected, and `mark_ready`
    must follow. `ready` holds the numbers of the ready conversations. `conversations_of` lists
    every user's conversations by user number, and grows with `open`.
    """

    def __init__(
        self,
        ledger: Ledger,
        conversations: Iterable[Conversation],
        prepare: Callable[[Conversation], None],
        devices: int = 1,
    ) -> None:
        self._devices = devices
        self.conversations_of: dict[int, list[Conversation]] = defaultdict(list)
        self._ledger = ledger
        self._prepare = prepare
        self._connected: set[int] = set()
        self._missing: dict[int, set[int]] = {}  # device keys not yet connected, by conversation
        self.ready: set[int] = set()
        self._waiting_calls: dict[int, list[Callable[[], None]]] = defaultdict(list)
        for conv in conversations:
            self.open(conv)

    def open(self, conv: Conversation) -> None:
        """Add a conversation; members who are connected watch it from now on."""
        self._ledger.open(conv)
        members = device_keys(conv.members, self._devices)
        self._missing[conv.number] = set(members) - self._connected
        for user in conv.members:
            self.conversations_of[user].append(conv)
        for device_key in members:
            if device_key in self._connected:
                self._ledger.watch(conv.number, device_key)
        if not self._missing[conv.number]:
            self._prepare(conv)

    def on_connected(self, user: User) -> None:
        """Have a user's device watch the user's conversations, from its first connection on."""
        device_key = user.device_key
        if device_key in self._connected:
            return
        self._connected.add(device_key)
        for conv in self.conversations_of[user.number]:
            self._ledger.watch(conv.number, device_key)
            missing = self._missing[conv.number]
            missing.discard(device_key)
            if not missing:
                self._prepare(conv)

    def mark_ready(self, conv: Conversation) -> None:
        """Allow sends in a conversation from now on, and make the calls that waited for it."""
        self.ready.add(conv.number)
        for call in self._waiting_calls.pop(conv.number, ()):
            call()

    def __contains__(self, conv: Conversation) -> bool:
        return conv.number in self.ready

    def call_when_ready(self, conv: Conversation, call: Callable[[], None]) -> None:
        """Call when the conversation is ready: immediately, later, or never."""
        if conv in self:
            call()
        else:
            self._waiting_calls[conv.number].append(call)
