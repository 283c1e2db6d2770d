"""What one user receives: an inbox per conversation, the history records, and the acks. Pure."""

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, final

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import (
    MISSING_MAX,
    Channel,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    RoomEvent,
    StampFlag,
    id_digest,
)
from gauntlet.core.scenario.capabilities import HISTORY, SELF_ECHO, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Connected, Cursor, Entry, Gap, Page
from gauntlet.scenarios.adapters.limits import check_page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.inbox import Inbox, InboxListener
from gauntlet.scenarios.client.ordered_inbox import HELD_MAX, PAGE_LIMIT, OrderedInbox
from gauntlet.scenarios.client.payload import OTHER_STAMP
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.unordered_inbox import UnorderedInbox
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.workloads.entities import Conversation, User

_HISTORY_TIMEOUT_NS = 5 * NS_PER_S
_ACK_INTERVAL_NS = 500 * NS_PER_MS
_NO_CONVERSATIONS: Final[frozenset[int]] = frozenset()  # shared, as Python's empty sets are not
_UNNAMED_MAX = 100_000
_ROOM_EVENTS = {event.name.lower(): event for event in RoomEvent}

# Plain integers, because arithmetic on members of an enumeration is slow.
_DELIVER = int(Kind.DELIVER)
_OTHER_STAMP_SHOWN = int(StampFlag.DIFFERS | StampFlag.SHOWN)
_FOREIGN, _CRC_BAD, _LEFTOVER = int(Flag.FOREIGN), int(Flag.CRC_BAD), int(Flag.LEFTOVER)


@final
class Content:
    """The content of an entry, as a history record holds it.

    `named` is what its names tell (`MessageNames.compare`); it has records of its own.
    """

    __slots__ = ("flags", "intended_ns", "named", "peer", "sseq")

    def __init__(self, peer: int, sseq: int, intended_ns: int, flags: int, named: int = 0) -> None:
        self.peer = peer
        self.sseq = sseq
        self.intended_ns = intended_ns
        self.flags = flags
        self.named = named

    def as_tuple(self) -> tuple[int, int, int, int]:
        """Return the fields in their order."""
        return self.peer, self.sseq, self.intended_ns, self.flags

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self.as_tuple() == other.as_tuple()

    def __hash__(self) -> int:
        return hash(self.as_tuple())


class Receiver(InboxListener):
    """The inboxes of one user on one device, and their listener."""

    __slots__ = (
        "_context",
        "_device_key",
        "_echoed",
        "_foreign_heads",
        "_has_history",
        "_numbered",
        "_ordered",
        "_record_delivery",
        "_request_channel",
        "_unacked",
        "_unordered",
        "_user",
    )

    def __init__(self, context: Context, user: User, request_channel: RequestChannel) -> None:
        self._context = context
        self._user = user
        self._device_key = user.device_key
        self._request_channel = request_channel
        # By conversation name. A system has inboxes of one kind only.
        self._ordered: dict[str, OrderedInbox] = {}
        self._unordered: dict[str, UnorderedInbox] = {}
        self._unacked: dict[str, int] = {}
        # The conversations of others whose heads the server has named; of a correct one, none.
        self._foreign_heads = _NO_CONVERSATIONS
        self._record_delivery = context.latencies.record["delivery"]
        capabilities = context.adapter.capabilities
        self._numbered = SERVER_SEQ in capabilities
        self._has_history = HISTORY in capabilities
        self._echoed = SELF_ECHO in capabilities

    def cursors(self) -> dict[str, Cursor]:
        """Return how far the user has read each conversation, by name."""
        return {name: inbox.cursor for name, inbox in self._inboxes()}

    @property
    def behind(self) -> bool:
        """Whether entries are known to exist that were not presented."""
        return any(inbox.behind for _, inbox in self._inboxes())

    def _inboxes(self) -> Iterator[tuple[str, Inbox]]:
        yield from self._ordered.items()
        yield from self._unordered.items()

    def join(self, conv: Conversation, position: int) -> None:
        """Read a room from `position` on, the first that the user may read."""
        if not self._numbered:
            self._unordered_inbox(conv.name)
            return
        inbox = self._ordered.get(conv.name)
        if inbox is None:
            inbox = self._ordered[conv.name] = OrderedInbox(conv, position - 1, self)
        inbox.reopen()
        inbox.on_head(position)

    def expel(self, conv: Conversation) -> None:
        """Read a room no further: the user was removed from it."""
        if conv.name in self._ordered:
            self._ordered[conv.name].close()

    def show_history(self, conv: Conversation, entries: list[Entry]) -> None:
        """Present entries of a page that the user requested explicitly."""
        inbox = self._ordered.get(conv.name)
        if inbox is not None:
            for entry in entries:
                self.present(inbox, entry, Channel.HISTORY, 0)

    def on_entry(self, connection: Connection, entry: Entry) -> None:
        """Handle an entry that was pushed on a connection."""
        inbox = (
            self._ordered_inbox(entry.conv, entry)
            if self._numbered
            else self._unordered_inbox(entry.conv)
        )
        if inbox is not None:
            inbox.on_push(entry, connection)
        else:
            self._record_stray(entry, connection)

    def on_connected(self, connection: Connection, connected: Connected, *, returned: bool) -> None:
        """Catch up on a new connection.

        `returned` means that the user was connected before, and that the server does not continue
        that session.
        """
        if not connected.resumed:
            self._record_starts(connection, connected.heads)
        self.on_heads(connected.heads, fresh=True)
        if returned and self._has_history and not self._numbered:
            for conv in self._context.conversations_of.get(self._user.number, ()):
                if (inbox := self._unordered_inbox(conv.name)) is not None:
                    inbox.catch_up()

    def _record_starts(self, connection: Connection, heads: Mapping[str, int]) -> None:
        """Record behind which position the pushes of each conversation begin.

        A direct conversation that is not named although it has entries is stated to have none. That
        is only known of a server that names heads at all, to whatever user.
        """
        context = self._context
        for name, head in heads.items():
            if (conv := self._own_conversation(name)) is not None:
                self._record_start(connection.dialled_ns, conv.number, connection.number, head)
        context.unnamed_heads += [
            (connection.dialled_ns, inbox.conv.number, connection.number)
            for name, inbox in self._ordered.items()
            if inbox.cursor and not inbox.conv.is_room and name not in heads
        ]
        context.states_heads |= bool(heads)
        if context.states_heads:
            for unnamed in context.unnamed_heads:
                self._record_start(*unnamed, 0)
        if context.states_heads or len(context.unnamed_heads) > _UNNAMED_MAX:
            context.unnamed_heads.clear()

    def _record_start(self, dialled_ns: int, conv: int, link: int, head: int) -> None:
        known = {"ref_ns": dialled_ns, "conv": conv, "link": link, "seq": head}
        self._context.sink.add(Kind.START, self._context.now_ns(), **known)

    def on_gap(self, connection: Connection, gap: Gap) -> None:
        """Record that the server will not push some positions, and read them."""
        inbox = self._ordered_inbox(gap.conv)
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

    def record_unfound(self) -> None:
        """Record the positions that are known to exist, and still are not found in the history.

        To be called when everything had time to arrive.
        """
        for inbox in self._ordered.values():
            if inbox.behind:
                self._context.sink.add(
                    Kind.GAP,
                    self._context.now_ns(),
                    conv=inbox.conv.number,
                    link=self._request_channel.connection_number,
                    sseq=inbox.head,
                    seq=inbox.cursor + 1,
                    flags=Channel.HISTORY,
                )

    def on_heads(self, heads: Mapping[str, int], *, fresh: bool) -> None:
        """Note the last positions of conversations; on a `fresh` connection they are not pushed."""
        for name, head in heads.items():
            inbox = self._ordered_inbox(name)
            if inbox is None:
                self._record_foreign_head(name, head)
            elif fresh:
                inbox.on_head(head, 0)
            else:
                inbox.on_head(head)

    def _ordered_inbox(self, name: str, entry: Entry | None = None) -> OrderedInbox | None:
        """Return the inbox of a conversation; None if the user is not a member of it."""
        inbox = self._ordered.get(name)
        # For a member, a room begins with the event that added them.
        begins_at = 0
        if entry is not None and entry.event == "added" and entry.user == self._user.name:
            begins_at = entry.seq
        if inbox is None and (conv := self._own_conversation(name)) is not None:
            inbox = self._ordered[name] = OrderedInbox(conv, max(0, begins_at - 1), self)
        elif inbox is not None and begins_at > inbox.cursor:
            inbox.skip_to(begins_at)
        return inbox

    def _unordered_inbox(self, name: str) -> UnorderedInbox | None:
        inbox = self._unordered.get(name)
        if inbox is None and (conv := self._own_conversation(name)) is not None:
            inbox = self._unordered[name] = UnorderedInbox(conv, self)
        return inbox

    def _own_conversation(self, name: str) -> Conversation | None:
        conv = self._context.conversations.get(name)
        return conv if conv is not None and self._user.number in conv.members else None

    # The interface `gauntlet.scenarios.client.inbox.InboxListener`.

    def present(self, inbox: Inbox, entry: Entry, channel: Channel, connection_number: int) -> None:
        """Record an entry as delivered: the user sees it now."""
        context = self._context
        if self._numbered:
            self._schedule_ack(entry)
        if not self._echoed and entry.sender == self._user.name:
            return  # written on this device: the history only adds its position
        content = read_content(context, inbox.conv, entry)
        link = connection_number or self._request_channel.connection_number
        if entry.event:
            self._record(Kind.ROOM, inbox, entry.seq, content, channel, link)
            return
        stamped_ms = entry.stamped_ms
        now_ns = self._record(_DELIVER, inbox, entry.seq, content, channel, link, stamped_ms)
        if content.named:
            record_names(context, inbox.conv, entry, content, link, channel)
        if not content.flags & (_FOREIGN | _LEFTOVER):
            context.ledger.present(inbox.conv.number, self._device_key, content.peer, content.sseq)
            self._record_delivery(now_ns - content.intended_ns)

    def on_repeat(self, inbox: Inbox, entry: Entry, connection: Connection, *, seen: bool) -> None:
        """Record a push that was already received (`seen`), or that is behind an earlier push."""
        content = read_content(self._context, inbox.conv, entry)
        if not content.flags & _LEFTOVER:
            self._context.counters.raw_duplicates += seen
            self._context.counters.backward += not seen
        flags = Flag.DUPLICATE if seen else 0
        if entry.event:
            flags |= Flag.ROOM_EVENT
        self._record(Kind.RECEIVE, inbox, entry.seq, content, flags, connection.number)
        if content.named:
            record_names(self._context, inbox.conv, entry, content, connection.number, Channel.LIVE)

    def on_held(self, inbox: Inbox, entry: Entry, connection_number: int, *, missing: int) -> None:
        """Record that a push arrived, which is not presented yet."""
        if not self._echoed and entry.sender == self._user.name:
            return  # nor is it recorded when it is presented
        content = read_content(self._context, inbox.conv, entry)
        self._context.sink.add(
            Kind.ARRIVED,
            self._context.now_ns(),
            ref_ns=content.intended_ns,
            conv=inbox.conv.number,
            link=connection_number,
            peer=content.peer,
            sseq=content.sseq,
            seq=entry.seq,
            flags=content.flags | (Flag.ROOM_EVENT if entry.event else 0),
            spare=min(missing, MISSING_MAX),
        )
        if content.named:
            record_names(self._context, inbox.conv, entry, content, connection_number, Channel.LIVE)

    def on_overflow(self, inbox: Inbox) -> None:
        """Count a push that was not kept; the history will contain it."""
        self._context.errors.record(
            error_log.INBOX,
            f"{inbox.conv.name}: {HELD_MAX:,} pushes wait for earlier ones, "
            "so that a further one was not kept",
        )

    def on_skipped(self, inbox: Inbox, count: int) -> None:
        """Count positions that the history does not contain; the judge will report them."""
        self._context.counters.holes += count

    def call_later(self, inbox: Inbox, wait_ns: int) -> None:
        self._context.after(wait_ns, inbox.on_timer)

    def read_history(self, inbox: Inbox) -> None:
        request_channel, after = self._request_channel, inbox.cursor
        call = request_channel.ask(
            request_channel.codec.history, inbox.conv.name, after, PAGE_LIMIT
        )
        requested_ns = self._context.now_ns()
        on_result = partial(self._on_page, inbox, after, request_channel.gateway, requested_ns)
        if call is None:
            self._context.after(0, partial(on_result, None))
        else:
            request_channel.call(call, _HISTORY_TIMEOUT_NS, on_result, check_page)

    def _on_page(
        self, inbox: Inbox, after: Cursor, gateway: int, requested_ns: int, page: Page | None
    ) -> None:
        if page is None:
            self._request_channel.switch_gateway(gateway)  # the inbox will request it again
        else:
            record_page(
                self._context,
                inbox.conv,
                page,
                PAGE_LIMIT,
                after=after if isinstance(after, int) else 0,
                requested_ns=requested_ns,
                link=self._request_channel.connection_number,
            )
        inbox.on_page(page)

    def _record(
        self,
        kind: int,
        inbox: Inbox,
        seq: int,
        content: Content,
        flags: int,
        link: int,
        stamped_ms: int = 0,
    ) -> int:
        """Add a record for now and return its time."""
        context, now_ns = self._context, self._context.now_ns()
        flags |= content.flags
        conv, intended_ns = inbox.conv.number, content.intended_ns
        age = context.server_times.age(stamped_ms, now_ns) if stamped_ms else 0
        context.sink.write(
            kind, now_ns, intended_ns, conv, link, content.peer, content.sseq, seq, flags, age
        )
        return now_ns

    def _record_stray(self, entry: Entry, connection: Connection) -> None:
        """Record a push of a conversation of which the user is no member."""
        conv, content = read_stray(self._context, entry)
        if content is not None:
            self._context.sink.add(
                Kind.STRAY,
                self._context.now_ns(),
                ref_ns=content.intended_ns,
                conv=conv,
                link=connection.number,
                peer=content.peer,
                sseq=content.sseq,
                seq=entry.seq,
                flags=content.flags | (Flag.ROOM_EVENT if entry.event else 0),
            )

    def _record_foreign_head(self, name: str, head: int) -> None:
        """Record once that the server named the head of a conversation of others."""
        conv = self._context.conversations.get(name)
        if conv is None or conv.number in self._foreign_heads:
            return
        self._foreign_heads |= {conv.number}
        self._context.sink.add(
            Kind.PROBE,
            self._context.now_ns(),
            conv=conv.number,
            link=self._request_channel.connection_number,
            sseq=Probe.HEAD,
            seq=head,
            spare=ProbeResult.GRANTED,
        )

    def _schedule_ack(self, entry: Entry) -> None:
        """Acknowledge an entry to the server soon, together with others."""
        if not self._unacked:
            self._context.after_about(_ACK_INTERVAL_NS, self._send_acks)
        self._unacked[entry.conv] = entry.seq

    def _send_acks(self) -> None:
        unacked, self._unacked = self._unacked, {}
        connection = self._request_channel.connection
        if connection is not None:
            for conv, seq in unacked.items():
                if frame := self._request_channel.ask(self._request_channel.codec.ack, conv, seq):
                    self._context.transport.send(connection, frame)


def record_page(
    context: Context,
    conv: Conversation,
    page: Page,
    limit: int,
    *,
    after: int,
    requested_ns: int,
    link: int = 0,
    listed_ns: int = 0,
) -> None:
    """Record a page of history as it came from the server; the audit's pages have no link.

    It came now, or at `listed_ns` if all messages in it are recorded with that time (LISTED).
    """
    continues = page.continues(limit)
    ascend = all(later.seq > earlier.seq for earlier, later in itertools.pairwise(page.entries))
    disorder = 0
    if SERVER_SEQ in context.adapter.capabilities:
        disorder |= 0 if ascend else PageFlag.DISORDERED
        disorder |= PageFlag.EARLIER if any(0 < entry.seq <= after for entry in page.entries) else 0
    listed = PageFlag.LISTED if listed_ns else 0
    context.sink.add(
        Kind.PAGE,
        listed_ns or context.now_ns(),
        ref_ns=requested_ns,
        conv=conv.number,
        link=link,
        peer=len(page.entries),
        sseq=page.entries[-1].seq if continues else page.head,
        seq=after,
        spare=(0 if continues else PageFlag.LAST) | disorder | listed,
    )


def read_content(context: Context, conv: Conversation, entry: Entry) -> Content:
    """Return the content of an entry; FOREIGN where its body and the server's data disagree.

    A message of another run is a LEFTOVER if the accounts may be older than this run; then its
    numbers are those of the other run, and cannot be compared. Otherwise it is FOREIGN.
    """
    numbers = context.user_numbers
    if entry.event:
        return Content(numbers.get(entry.user, 0), _ROOM_EVENTS.get(entry.event, 0), 0, 0)
    sender = numbers.get(entry.sender, 0)
    body = context.bodies.read(entry.body)
    if body is None:
        return Content(sender, 0, 0, _FOREIGN)
    flags = 0 if body.intact else _CRC_BAD
    of_this_run = body.run == context.bodies.run
    # With a wrong checksum, it may be a message of this run whose tag was damaged.
    if not of_this_run and body.intact and context.older_accounts:
        return Content(sender, body.sseq, body.intended_ns, _LEFTOVER)
    if not of_this_run or body.conv != conv.number or body.author != sender:
        flags |= _FOREIGN
    named = 0 if flags else context.names.compare(body, entry)
    return Content(sender, body.sseq, body.intended_ns, flags, named)


def record_names(
    context: Context,
    conv: Conversation,
    entry: Entry,
    content: Content,
    link: int,
    channel: int,
    listed_ns: int = 0,
) -> None:
    """Record what a copy of a message calls it, where its content says that this is worth it.

    It came now, or at `listed_ns` if all messages of its page are recorded with that time.
    """
    named = content.named & ~OTHER_STAMP
    told = [(Kind.NAMED, id_digest(entry.id), named)] if named else []
    if content.named & OTHER_STAMP:
        local_ns = context.server_times.local_ns(entry.stamped_ms)
        told += [(Kind.STAMP, local_ns, _OTHER_STAMP_SHOWN)] if local_ns else []
    for kind, ref_ns, spare in told:
        context.sink.add(
            kind,
            listed_ns or context.now_ns(),
            ref_ns,
            conv.number,
            link,
            content.peer,
            content.sseq,
            entry.seq,
            channel,
            spare,
        )


def read_stray(context: Context, entry: Entry) -> tuple[int, Content | None]:
    """Return the number of the conversation of a stray entry, and its content.

    The content is None where the entry proves nothing: accounts that may be older than this run can
    have conversations with people or with users of another run.
    """
    known = context.conversations.get(entry.conv)
    body = None if entry.event else context.bodies.read(entry.body)
    of_this_run = body is not None and body.run == context.bodies.run
    if known is None and context.older_accounts and not of_this_run:
        return 0, None
    if known is not None:
        content = read_content(context, known, entry)
        return known.number, None if content.flags & _LEFTOVER else content
    if body is None:
        return 0, Content(context.user_numbers.get(entry.user or entry.sender, 0), 0, 0, _FOREIGN)
    return body.conv, Content(body.author, body.sseq, body.intended_ns, _FOREIGN)
