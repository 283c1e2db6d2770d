"""What one user receives: an inbox for each conversation, the records of it, and the acks. Pure."""

from collections.abc import Iterator
from functools import partial

import msgspec

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Channel, Flag, Kind, RoomEvent
from gauntlet.core.scenario.capabilities import HISTORY, SELF_ECHO, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Cursor, Entry, Gap, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.ordered_inbox import PAGE_LIMIT, Inbox, OrderedInbox
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.unordered_inbox import UnorderedInbox
from gauntlet.scenarios.workloads.entities import Conversation, User

_REQUEST_NS = 5 * NS_PER_S
_ACK_EVERY_NS = 500 * NS_PER_MS
_EVENTS = {event.name.lower(): event for event in RoomEvent}


_FOREIGN, _CRC_BAD = int(Flag.FOREIGN), int(Flag.CRC_BAD)  # the arithmetic of flags is slow


class Content(msgspec.Struct, frozen=True, order=True):
    """What an entry says, as a record holds it."""

    peer: int
    sseq: int
    intended_ns: int
    flags: int


class Receiver:
    """One user's inboxes; it is what they call their owner."""

    def __init__(self, context: Context, user: User, request_channel: RequestChannel) -> None:
        self._context = context
        self._user = user
        self._device_key = user.device_key
        self._request_channel = request_channel
        self._inboxes: dict[str, OrderedInbox] = {}
        self._feeds: dict[str, UnorderedInbox] = {}
        self._unacked: dict[str, int] = {}
        self._record_delivery = context.latencies.record["delivery"]
        capabilities = context.adapter.capabilities
        self._numbered = SERVER_SEQ in capabilities
        self._readable = HISTORY in capabilities
        self._echoed = SELF_ECHO in capabilities

    def cursors(self) -> dict[str, Cursor]:
        """How far the user has come in each conversation."""
        return {name: view.cursor for name, view in self._views()}

    @property
    def behind(self) -> bool:
        """Whether something is known to exist that was not presented."""
        return any(view.behind for _, view in self._views())

    def _views(self) -> Iterator[tuple[str, Inbox]]:
        yield from self._inboxes.items()
        yield from self._feeds.items()

    def join(self, conv: Conversation, position: int) -> None:
        """The user may read a room from `position` on."""
        if conv.name not in self._inboxes:
            self._inboxes[conv.name] = OrderedInbox(conv, position - 1, self)
        self._inboxes[conv.name].on_head(position)

    def on_entry(self, connection: Connection, entry: Entry) -> None:
        """An entry was pushed on a connection."""
        numbered = self._numbered
        view = self._inbox(entry.conv, entry) if numbered else self._feed(entry.conv)
        if view is not None:
            view.on_push(entry, connection)

    def on_connected(self, heads: dict[str, int], *, returned: bool) -> None:
        """A connection is up; `returned`: one was before, which this one does not go on from."""
        self.on_heads(heads, fresh=True)
        if returned and self._readable and not self._numbered:
            for conv in self._context.conversations_of.get(self._user.number, ()):
                if (feed := self._feed(conv.name)) is not None:
                    feed.catch_up()

    def on_gap(self, connection: Connection, gap: Gap) -> None:
        """The server will not push these positions on this connection."""
        inbox = self._inbox(gap.conv)
        if inbox is None:
            return
        self._context.sink.add(
            Kind.GAP,
            self._context.now_ns(),
            conv=inbox.conv.number,
            link=connection.number,
            sseq=gap.last,
            seq=gap.first,
        )
        inbox.on_head(gap.last, 0)

    def on_heads(self, heads: dict[str, int], *, fresh: bool) -> None:
        """How far conversations have come; on a `fresh` connection that is not pushed any more."""
        for name, head in heads.items():
            inbox = self._inbox(name)
            if inbox is not None and fresh:
                inbox.on_head(head, 0)
            elif inbox is not None:
                inbox.on_head(head)

    def _inbox(self, name: str, entry: Entry | None = None) -> OrderedInbox | None:
        """The inbox of a conversation of ours; any other (a canary's) is none of our business."""
        inbox = self._inboxes.get(name)
        if inbox is None and (conv := self._context.conversations.get(name)) is not None:
            # For a member a room begins with the event that added him.
            added = entry is not None and entry.event == "added" and entry.user == self._user.name
            cursor = entry.seq - 1 if entry is not None and added else 0
            inbox = self._inboxes[name] = OrderedInbox(conv, cursor, self)
        return inbox

    def _feed(self, name: str) -> UnorderedInbox | None:
        feed = self._feeds.get(name)
        if feed is None and (conv := self._context.conversations.get(name)) is not None:
            feed = self._feeds[name] = UnorderedInbox(conv, self)
        return feed

    # What inboxes ask for (`gauntlet.scenarios.client.ordered_inbox.InboxListener`).

    def present(self, inbox: Inbox, entry: Entry, channel: Channel, connection_number: int) -> None:
        """Show an entry to the user: from here on it is delivered."""
        context = self._context
        if self._numbered:
            self._acknowledge(entry)
        if not self._echoed and entry.sender == self._user.name:
            return  # he wrote it here, and has seen it: only its place in the history is new
        content = read_content(context, inbox.conv, entry)
        connection_number = connection_number or self._request_channel.connection_number
        if entry.event:
            self._record(Kind.ROOM, inbox, entry.seq, content, channel, connection_number)
            return
        now_ns = self._record(Kind.DELIVER, inbox, entry.seq, content, channel, connection_number)
        if not content.flags & _FOREIGN:
            context.ledger.present(inbox.conv.number, self._device_key, content.peer, content.sseq)
            self._record_delivery(now_ns - content.intended_ns)

    def repeat(self, inbox: Inbox, entry: Entry, connection: Connection, *, seen: bool) -> None:
        """A push that came again, or that went back on its connection."""
        self._context.counters.raw_duplicates += seen
        content = read_content(self._context, inbox.conv, entry)
        flags = Flag.DUPLICATE if seen else 0
        if entry.event:
            flags |= Flag.ROOM_EVENT
        self._record(Kind.RECEIVE, inbox, entry.seq, content, flags, connection.number)

    def passed_over(self, inbox: Inbox, count: int) -> None:
        """Positions that the history left out: the judge will miss them too."""
        self._context.counters.holes += count

    def wait(self, inbox: Inbox, wait_ns: int) -> None:
        self._context.after(wait_ns, inbox.on_wait)

    def read(self, inbox: Inbox) -> None:
        request_channel, after = self._request_channel, inbox.cursor
        call = request_channel.codec.history(inbox.conv.name, after, PAGE_LIMIT)
        asked_ns = self._context.now_ns()
        answered = partial(self._on_history, inbox, after, request_channel.gateway, asked_ns)
        request_channel.call(call, _REQUEST_NS, answered)

    def _on_history(
        self, inbox: Inbox, after: Cursor, gateway: int, asked_ns: int, page: Page | None
    ) -> None:
        if page is None:
            self._request_channel.switch_gateway(gateway)  # asked again, elsewhere
        else:
            continues = page.continues(PAGE_LIMIT)
            self._context.sink.add(
                Kind.PAGE,
                self._context.now_ns(),
                ref_ns=asked_ns,
                conv=inbox.conv.number,
                link=self._request_channel.connection_number,
                peer=len(page.entries),
                sseq=page.entries[-1].seq if continues else page.head,
                seq=after if isinstance(after, int) else 0,
            )
        inbox.on_page(page)

    def _record(
        self,
        kind: Kind,
        inbox: Inbox,
        seq: int,
        content: Content,
        flags: int,
        connection_number: int,
    ) -> int:
        """Record what happened now; answers when that is."""
        context, now_ns = self._context, self._context.now_ns()
        flags |= content.flags
        conv, intended_ns = inbox.conv.number, content.intended_ns
        context.sink.add(
            kind,
            now_ns,
            intended_ns,
            conv,
            connection_number,
            content.peer,
            content.sseq,
            seq,
            flags,
        )
        return now_ns

    def _acknowledge(self, entry: Entry) -> None:
        """Tell the server how far the user has come, every now and then."""
        if not self._unacked:
            self._context.after(_ACK_EVERY_NS, self._send_acks)
        self._unacked[entry.conv] = entry.seq

    def _send_acks(self) -> None:
        unacked, self._unacked = self._unacked, {}
        connection = self._request_channel.connection
        if connection is not None:
            for conv, seq in unacked.items():
                if frame := self._request_channel.codec.ack(conv, seq):
                    self._context.transport.send(connection, frame)


def read_content(context: Context, conv: Conversation, entry: Entry) -> Content:
    """Who said what, as far as the body and the server agree; FOREIGN where they do not."""
    numbers = context.user_numbers
    if entry.event:
        return Content(numbers.get(entry.user, 0), _EVENTS.get(entry.event, 0), 0, 0)
    sender = numbers.get(entry.sender, 0)
    said = context.bodies.read(entry.body)
    if said is None:
        return Content(sender, 0, 0, _FOREIGN)
    flags = 0 if said.intact else _CRC_BAD
    if said.conv != conv.number or said.author != sender:
        flags |= _FOREIGN
    return Content(sender, said.sseq, said.intended_ns, flags)
