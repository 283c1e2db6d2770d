"""What one edge knows of conversations, and how entries reach the sockets of their members.

A socket takes part in three steps: `join` before its heads are read, `subscribe` with them, and
`leave`. What arrives between the first two is covered by the heads, or remembered as missed.
"""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.reorder_buffer import Conversation

UNCLAIMED_MAX = 4096

Local = Conversation[ClientSocket]
Missed = dict[str, tuple[str, int]]  # conversation -> its last "began", "added" or "removed", seq


class EdgeFanout:
    """Local conversations: exist while a local member is subscribed."""

    def __init__(self, metrics: Metrics) -> None:
        self.pushed = 0
        self._metrics = metrics
        self.doubtful: set[str] = set()  # users whose subscriptions may not be their memberships
        self._suspects: set[str] = set()  # conversations seen behind their heads
        self._conversations: dict[str, Local] = {}
        self._live: defaultdict[str, set[ClientSocket]] = defaultdict(set)
        self._joining: defaultdict[str, dict[ClientSocket, Missed]] = defaultdict(dict)
        # Highest seq seen of conversations without local members: whoever comes next compares.
        self._unclaimed: OrderedDict[str, int] = OrderedDict()

    def find(self, conv: str) -> Local | None:
        """A conversation with local members."""
        return self._conversations.get(conv)

    def overdue(self, now_s: float) -> set[str]:
        """The conversations whose missing entries should have come long ago."""
        suspects = (self._conversations.get(conv) for conv in self._suspects)
        behind = {one.conv for one in suspects if one and one.is_behind}
        self._suspects = behind
        return {conv for conv in behind if self._conversations[conv].is_overdue(now_s)}

    def join(self, socket: ClientSocket) -> None:
        """From now on remember conversations that begin for this user."""
        self._joining[socket.user][socket] = {}

    def subscribe(self, socket: ClientSocket, heads: dict[str, int]) -> None:
        """Push everything after `heads`, which the socket's `connected` has told."""
        missed = self._end_joining(socket)
        self._live[socket.user].add(socket)
        for conv, start in _starts(heads, missed).items():
            socket.core.begin(conv, start)
            self._enlist(socket, conv, start)

    def resubscribe(self, socket: ClientSocket, heads: dict[str, int]) -> None:
        """Make the subscriptions what `heads`, read after another `join`, say they are."""
        starts = _starts(heads, self._end_joining(socket))
        for conv in socket.core.conversations:
            if conv not in starts and (conversation := self._conversations.get(conv)):
                self._drop(conversation, socket)
        for conv, start in starts.items():
            conversation = self._conversations.get(conv)
            if conversation is None or socket not in conversation.sockets:
                socket.skip_to(conv, start)
                self._enlist(socket, conv, start)

    def count(self, user: str) -> int:
        """How many sockets a user has here, those included whose heads are on their way."""
        return len(self._live.get(user, ())) + len(self._joining.get(user, ()))

    def sockets_of(self, user: str) -> list[ClientSocket]:
        """The subscribed sockets of a user."""
        return list(self._live.get(user, ()))

    def leave(self, socket: ClientSocket) -> None:
        """Forget a socket, at whatever step it was."""
        self._end_joining(socket)
        sockets = self._live.get(socket.user, set())
        sockets.discard(socket)
        if not sockets:
            self._live.pop(socket.user, None)
        for conv in socket.core.conversations:
            if conversation := self._conversations.get(conv):
                self._drop(conversation, socket)

    def hear(self, entries: Iterable[Entry]) -> None:
        """Take entries, from the bus or a range read, and push what is in order."""
        for entry in entries:
            self._note_begun(entry.conv)
            conversation = self._conversations.get(entry.conv) or self._begun_by(entry)
            if conversation is None:
                self._note_change(entry)
                self._note_unclaimed(entry.conv, entry.seq)
                continue
            for ready in conversation.offer(entry, time.monotonic()):
                self._deliver(conversation, ready)
            self._note_head(conversation, entry.seq)

    def note_head(self, conv: str, head: int) -> None:
        """Learn from SQL that a conversation has reached `head`."""
        conversation = self._conversations.get(conv) or self._begin_direct(conv)
        if conversation is None:
            self._note_unclaimed(conv, head)
        else:
            self._note_head(conversation, head)

    def note_members(self, conv: str, members: Collection[str]) -> None:
        """Learn from SQL who is in a room: events that told so may be lost."""
        conversation = self._conversations.get(conv)
        subscribed = conversation.sockets if conversation else set()
        local = {socket for user in members for socket in self._live.get(user, ())}
        self.doubtful |= {socket.user for socket in subscribed ^ local}

    def skip_to(self, conversation: Local, seq: int) -> None:
        """Give up pushing what lies before `seq`: every socket is told of the gap.

        Members of a room are pushed nothing until their heads are read: some may have left in it.
        """
        conversation.skip_to(seq)
        for socket in tuple(conversation.sockets):
            socket.skip_to(conversation.conv, seq)
            if wire.is_room(conversation.conv):
                self.doubtful.add(socket.user)
                self._drop(conversation, socket)
        for ready in conversation.ready():
            self._deliver(conversation, ready)

    def _enlist(self, socket: ClientSocket, conv: str, start: int) -> None:
        """Push all from `start` on; in doubt nothing, where a removal may have been skipped."""
        conversation = self._conversations.get(conv) or self._open(conv, start)
        if start < conversation.since and wire.is_room(conv):
            self.doubtful.add(socket.user)
        else:
            self._add(conversation, socket, conversation.next_seq)
            self._note_head(conversation, start - 1)

    def _deliver(self, conversation: Local, entry: Entry) -> None:
        self._note_change(entry)
        if entry.event == "added":
            for socket in self._live.get(entry.user, ()):
                socket.core.begin(entry.conv, entry.seq)
                self._add(conversation, socket, entry.seq)
        # One host's clocks, or clocks that are kept together: what lies between is not corrected.
        self._metrics.observe("delivery_ms", 1000 * time.time() - entry.ts)
        frame = text_frame(wire.encode_push(entry))
        for socket in conversation.sockets:
            socket.push(entry.conv, entry.seq, frame)
        self.pushed += len(conversation.sockets)
        if entry.event == "removed":
            for socket in self._live.get(entry.user, ()):
                self._drop(conversation, socket)

    def _begun_by(self, entry: Entry) -> Local | None:
        """The conversation that an entry begins here: a direct one's first, a first member's."""
        if entry.event == "added" and entry.user in self._live:
            return self._open(entry.conv, entry.seq)  # delivering it subscribes the user
        return self._begin_direct(entry.conv)

    def _begin_direct(self, conv: str) -> Local | None:
        """A direct conversation that no local member had when he connected: all of it is new."""
        is_local = any(user in self._live for user in wire.direct_members(conv) or ())
        return self._open(conv, 1) if is_local else None

    def _open(self, conv: str, next_seq: int) -> Local:
        conversation = self._conversations[conv] = Local(conv, next_seq)
        # Of a direct one, every local member is told: it may have begun after his heads were read.
        for user in wire.direct_members(conv) or ():
            for socket in self._live.get(user, ()):
                self._add(conversation, socket, next_seq)
        self._note_begun(conv)
        self._note_head(conversation, self._unclaimed.pop(conv, 0))
        return conversation

    def _add(self, conversation: Local, socket: ClientSocket, next_seq: int) -> None:
        """Subscribe a socket whose next push may be `next_seq`; announce what it has missed."""
        conversation.sockets.add(socket)
        self._conversations[conversation.conv] = conversation  # a removal may have dropped it
        socket.skip_to(conversation.conv, next_seq)

    def _drop(self, conversation: Local, socket: ClientSocket) -> None:
        conversation.sockets.discard(socket)
        if not conversation.sockets and conversation.conv in self._conversations:
            del self._conversations[conversation.conv]
            head = max(conversation.head, conversation.next_seq - 1)
            self._note_unclaimed(conversation.conv, head)

    def _note_head(self, conversation: Local, head: int) -> None:
        conversation.note_head(head, time.monotonic())
        if conversation.is_behind:
            self._suspects.add(conversation.conv)

    def _note_unclaimed(self, conv: str, seq: int) -> None:
        self._unclaimed[conv] = max(seq, self._unclaimed.pop(conv, 0))
        if len(self._unclaimed) > UNCLAIMED_MAX:
            self._unclaimed.popitem(last=False)

    def _note_begun(self, conv: str) -> None:
        """Remember a direct conversation for those whose heads are on their way."""
        for user in (wire.direct_members(conv) or ()) if self._joining else ():
            for missed in self._joining.get(user, {}).values():
                missed[conv] = ("began", 1)

    def _note_change(self, entry: Entry) -> None:
        """Remember the last change of a membership for a user whose heads are on their way."""
        if entry.event in {"added", "removed"}:
            for missed in self._joining.get(entry.user, {}).values():
                if entry.seq > missed.get(entry.conv, ("", 0))[1]:
                    missed[entry.conv] = (entry.event, entry.seq)

    def _end_joining(self, socket: ClientSocket) -> Missed:
        joining = self._joining.get(socket.user, {})
        missed = joining.pop(socket, {})
        if not joining:
            self._joining.pop(socket.user, None)
        return missed


def _starts(heads: dict[str, int], missed: Missed) -> dict[str, int]:
    """Where a user's pushes start, by his heads and by what happened since they were read."""
    starts = {conv: head + 1 for conv, head in heads.items()}
    for conv, (event, seq) in missed.items():
        if event == "removed" and seq >= starts.get(conv, 0):
            starts.pop(conv, None)
        elif event != "removed":
            starts.setdefault(conv, seq)
    return starts
