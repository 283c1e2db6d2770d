"""The conversations that clients of one edge subscribe to, and the delivery of their entries.

A socket subscribes in three steps: `join` before its heads are read, `subscribe` with the heads,
and `leave` at its end. What arrives between the first two steps is either covered by the heads or
recorded as a missed change.
"""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable

from gauntlet.reference_server.core import clock, wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.reorder_buffer import Conversation

UNMATCHED_MAX = 4096

LocalConversation = Conversation
# Conversation -> its last change ("began", "added" or "removed") and the seq of that change.
MissedChanges = dict[str, tuple[str, int]]


class Subscriptions:
    """Local conversations; each exists for as long as a local member is subscribed to it."""

    def __init__(self, metrics: Metrics) -> None:
        self.pushed = 0
        self._metrics = metrics
        # Users whose subscriptions may differ from their memberships.
        self.stale_users: set[str] = set()
        # Conversations that were behind their heads when they were last looked at.
        self._lagging: set[str] = set()
        self._conversations: dict[str, LocalConversation] = {}
        self._live: defaultdict[str, set[ClientSocket]] = defaultdict(set)
        self._joining: defaultdict[str, dict[ClientSocket, MissedChanges]] = defaultdict(dict)
        # The highest seq seen of each conversation without a local member. The first member who
        # subscribes is compared with it.
        self._unmatched: OrderedDict[str, int] = OrderedDict()

    def find(self, conv: str) -> LocalConversation | None:
        """Return a conversation that has local members, or None."""
        return self._conversations.get(conv)

    def overdue(self, now_s: float) -> set[str]:
        """Return the conversations whose missing entries have been missing for too long."""
        lagging = [self._conversations.get(conv) for conv in self._lagging]
        behind = {
            conversation.conv for conversation in lagging if conversation and conversation.is_behind
        }
        self._lagging = behind
        return {conv for conv in behind if self._conversations[conv].is_overdue(now_s)}

    def join(self, socket: ClientSocket) -> None:
        """Record, from now on, the conversations that begin or change for this socket's user."""
        self._joining[socket.user][socket] = {}

    def subscribe(self, socket: ClientSocket, heads: dict[str, int]) -> None:
        """Push everything after `heads`, which the socket's `connected` frame has stated."""
        missed = self._end_joining(socket)
        self._live[socket.user].add(socket)
        for conv, start in _start_positions(heads, missed).items():
            socket.core.begin(conv, start)
            self._subscribe_from(socket, conv, start)

    def resubscribe(self, socket: ClientSocket, heads: dict[str, int]) -> None:
        """Bring a socket's subscriptions in line with `heads`, read after another `join`."""
        starts = _start_positions(heads, self._end_joining(socket))
        for conv in socket.core.conversations:
            if conv not in starts and (conversation := self._conversations.get(conv)):
                self._remove_socket(conversation, socket)
        for conv, start in starts.items():
            conversation = self._conversations.get(conv)
            if conversation is None or socket not in conversation.sockets:
                socket.skip_to(conv, start)
                self._subscribe_from(socket, conv, start)

    def connection_count(self, user: str) -> int:
        """Return how many sockets a user has here, including those whose heads are being read."""
        return len(self._live.get(user, ())) + len(self._joining.get(user, ()))

    def sockets_of(self, user: str) -> list[ClientSocket]:
        """Return the subscribed sockets of a user."""
        return list(self._live.get(user, ()))

    def leave(self, socket: ClientSocket) -> None:
        """Remove a socket, whichever step it has reached."""
        self._end_joining(socket)
        sockets = self._live.get(socket.user, set())
        sockets.discard(socket)
        if not sockets:
            self._live.pop(socket.user, None)
        for conv in socket.core.conversations:
            if conversation := self._conversations.get(conv):
                self._remove_socket(conversation, socket)

    def on_batch(self, entries: Iterable[Entry]) -> None:
        """Accept entries from the bus or from a range read, and push those that are in order."""
        for entry in entries:
            self._record_start(entry.conv)
            conversation = self._conversations.get(entry.conv) or self._open_for(entry)
            if conversation is None:
                self._record_membership_change(entry)
                self._note_unmatched(entry.conv, entry.seq)
                continue
            if entry.event == "added" and entry.seq < conversation.next_seq:
                self._note_late_addition(conversation, entry)
            for ready in conversation.offer(entry, time.monotonic()):
                self._deliver(conversation, ready)
            self._note_head(conversation, entry.seq)

    def note_head(self, conv: str, head: int) -> None:
        """Take note that, according to SQL, a conversation has reached `head`."""
        conversation = self._conversations.get(conv) or self._open_direct(conv)
        if conversation is None:
            self._note_unmatched(conv, head)
        else:
            self._note_head(conversation, head)

    def note_members(self, conv: str, members: Collection[str]) -> None:
        """Take note of a room's members according to SQL: the events about them may be lost."""
        conversation = self._conversations.get(conv)
        subscribed = conversation.sockets if conversation else set()
        local = {socket for user in members for socket in self._live.get(user, ())}
        self.stale_users |= {socket.user for socket in subscribed ^ local}

    def skip_to(self, conversation: LocalConversation, seq: int) -> None:
        """Push nothing before `seq`, and announce the gap to every socket.

        Members of a room are pushed nothing until their heads have been read again, because the
        skipped entries may have removed some of them.
        """
        conversation.skip_to(seq)
        for socket in tuple(conversation.sockets):
            socket.skip_to(conversation.conv, seq)
            if wire.is_room(conversation.conv):
                self.stale_users.add(socket.user)
                self._remove_socket(conversation, socket)
        for ready in conversation.take_ready():
            self._deliver(conversation, ready)

    def _subscribe_from(self, socket: ClientSocket, conv: str, start: int) -> None:
        """Push everything from `start` on; nothing yet if a removal may have been skipped."""
        conversation = self._conversations.get(conv) or self._open(conv, start)
        if start < conversation.unskipped_from and wire.is_room(conv):
            self.stale_users.add(socket.user)
        else:
            self._add_socket(conversation, socket, conversation.next_seq)
            self._note_head(conversation, start - 1)

    def _deliver(self, conversation: LocalConversation, entry: Entry) -> None:
        self._record_membership_change(entry)
        if entry.event == "added":
            for socket in self._live.get(entry.user, ()):
                socket.core.begin(entry.conv, entry.seq)
                self._add_socket(conversation, socket, entry.seq)
        # `ts` is the clock of the message service's host: a difference between the two hosts'
        # clocks is not corrected.
        self._metrics.observe("delivery_ms", 1000 * clock.now_s() - entry.ts)
        frame = text_frame(wire.encode_push(entry))
        for socket in conversation.sockets:
            socket.push(entry.conv, entry.seq, frame)
        self.pushed += len(conversation.sockets)
        if entry.event == "removed":
            for socket in self._live.get(entry.user, ()):
                self._remove_socket(conversation, socket)

    def _note_late_addition(self, conversation: LocalConversation, entry: Entry) -> None:
        """Look up a local user whose addition this conversation has skipped.

        Another member connected here, with heads that were read after the addition was committed
        and before the bus delivered it.
        """
        sockets = self._live.get(entry.user, set())
        if not sockets <= conversation.sockets:
            self.stale_users.add(entry.user)

    def _open_for(self, entry: Entry) -> LocalConversation | None:
        """Open the conversation if this entry is the first that concerns a local user."""
        if entry.event == "added" and entry.user in self._live:
            return self._open(entry.conv, entry.seq)  # delivering the entry subscribes the user
        return self._open_direct(entry.conv)

    def _open_direct(self, conv: str) -> LocalConversation | None:
        """Open a direct conversation from its first entry.

        No local member had it in the heads at connect, so all of its entries are new.
        """
        is_local = any(user in self._live for user in wire.direct_members(conv) or ())
        return self._open(conv, 1) if is_local else None

    def _open(self, conv: str, next_seq: int) -> LocalConversation:
        conversation = self._conversations[conv] = Conversation(conv, next_seq)
        # Every local member of a direct conversation is subscribed: it may have begun after that
        # member's heads were read.
        for user in wire.direct_members(conv) or ():
            for socket in self._live.get(user, ()):
                self._add_socket(conversation, socket, next_seq)
        self._record_start(conv)
        self._note_head(conversation, self._unmatched.pop(conv, 0))
        return conversation

    def _add_socket(
        self, conversation: LocalConversation, socket: ClientSocket, next_seq: int
    ) -> None:
        """Subscribe a socket whose next push may be `next_seq`; announce what it has missed."""
        conversation.sockets.add(socket)
        # A removal earlier in the same batch may have deleted the conversation.
        self._conversations[conversation.conv] = conversation
        socket.skip_to(conversation.conv, next_seq)

    def _remove_socket(self, conversation: LocalConversation, socket: ClientSocket) -> None:
        conversation.sockets.discard(socket)
        if not conversation.sockets and conversation.conv in self._conversations:
            del self._conversations[conversation.conv]
            head = max(conversation.head, conversation.next_seq - 1)
            self._note_unmatched(conversation.conv, head)

    def _note_head(self, conversation: LocalConversation, head: int) -> None:
        conversation.note_head(head, time.monotonic())
        if conversation.is_behind:
            self._lagging.add(conversation.conv)

    def _note_unmatched(self, conv: str, seq: int) -> None:
        self._unmatched[conv] = max(seq, self._unmatched.pop(conv, 0))
        if len(self._unmatched) > UNMATCHED_MAX:
            self._unmatched.popitem(last=False)

    def _record_start(self, conv: str) -> None:
        """Record a direct conversation for members whose heads are being read."""
        for user in (wire.direct_members(conv) or ()) if self._joining else ():
            for missed in self._joining.get(user, {}).values():
                missed[conv] = ("began", 1)

    def _record_membership_change(self, entry: Entry) -> None:
        """Record the last change of a membership for a user whose heads are being read."""
        if entry.event in {"added", "removed"}:
            for missed in self._joining.get(entry.user, {}).values():
                if entry.seq > missed.get(entry.conv, ("", 0))[1]:
                    missed[entry.conv] = (entry.event, entry.seq)

    def _end_joining(self, socket: ClientSocket) -> MissedChanges:
        joining = self._joining.get(socket.user, {})
        missed = joining.pop(socket, {})
        if not joining:
            self._joining.pop(socket.user, None)
        return missed


def _start_positions(heads: dict[str, int], missed: MissedChanges) -> dict[str, int]:
    """Return the first seq to push per conversation: by the heads, and by changes since then."""
    starts = {conv: head + 1 for conv, head in heads.items()}
    for conv, (event, seq) in missed.items():
        if event == "removed" and seq >= starts.get(conv, 0):
            starts.pop(conv, None)
        elif event != "removed":
            starts.setdefault(conv, seq)
    return starts
