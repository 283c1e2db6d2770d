"""The audit: reads the whole history of every conversation at the end of a load.

It proves what is stored, and never counts as a delivery. Positions that a page omits are requested
once more from another cursor, and then as the other members, to tell a page that skips, or a
message that is hidden from one member, from a message that is lost.

A server without positions keeps an archive for each member, so all archives are read. A message is
stored if any archive contains it, as many times as the archive that contains it most often. If it
is missing from a receiver's own archive, the check `undelivered` reports that.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from gauntlet.core.history import Channel, Flag, Kind, NamedFlag, StampFlag, id_digest
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.scenarios.adapters.base import Cursor, Entry, Page, ProtocolError
from gauntlet.scenarios.adapters.limits import check_members, check_page
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.payload import OTHER_STAMP
from gauntlet.scenarios.client.receiver import Content, read_content, record_page
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

PAGE_LIMIT = 500
_TIMEOUT_S = 10.0  # of one request
_Cursor = TypeVar("_Cursor", int, str)
_CONCURRENT_MAX = 8
_PROGRESS_S = 2.0
_SILENCE_S = 30.0  # without any answer: the server is considered gone, and the rest is skipped
# Per conversation, for its first reader and again for all others: enough for evidence, and bounded
# if the server is broken.
_HOLE_REQUESTS_MAX = 200
_HOLE_PAGE_LIMIT = 10
# What an audit holds of one conversation; a server may have an endless one.
_ENTRIES_MAX = 500_000


class Audit:
    """Reads and records; `unread` counts the conversations that could not be read completely.

    It reports its progress to the journal every `_PROGRESS_S`, so that a long audit is not taken
    for a load that hangs, and people see how long it will still take.
    """

    def __init__(
        self,
        context: Context,
        transport: SocketTransport,
        sessions: dict[int, Session],
        journal: Journal,
    ) -> None:
        self._context = context
        self._transport = transport
        self._sessions = sessions
        self._slots = asyncio.Semaphore(_CONCURRENT_MAX)
        self._journal = journal
        self._answered_s = 0.0  # when the last answer arrived
        self._reported_s = 0.0
        self._pages = self._read = self._total = 0
        self.unread = 0

    async def run(self, conversations: Iterable[Conversation]) -> None:
        """Audit every conversation, a few at a time."""
        self._answered_s = self._reported_s = asyncio.get_running_loop().time()
        audits = [self._audit(conv) for conv in conversations]
        self._total = len(audits)
        await asyncio.gather(*audits)

    async def _audit(self, conv: Conversation) -> None:
        async with self._slots:
            await self._audit_one(conv)
            self._read += 1

    async def _audit_one(self, conv: Conversation) -> None:
        if self._silence_s() > _SILENCE_S:
            self.unread += 1
            return
        try:
            if SERVER_SEQ in self._context.adapter.capabilities:
                await self._record_ranges(conv)
                entries, head = await self._read_all(conv)
                self._record_ended_ranges(conv, entries)
                found = [(seq, self._content(conv, e)) for seq, e in sorted(entries.items())]
            else:
                found, head = [(0, content) for content in await self._read_archives(conv)], 0
                entries = {}
        except ProtocolError as error:
            self.unread += 1
            text = f"the audit could not read a conversation: {error}"
            self._context.errors.record(error_log.PROTOCOL, text)
            return
        self._record(conv, found, head, entries)

    def _silence_s(self) -> float:
        return asyncio.get_running_loop().time() - self._answered_s

    def _content(self, conv: Conversation, entry: Entry) -> Content:
        content = read_content(self._context, conv, entry)
        if entry.event:
            content.flags |= Flag.ROOM_EVENT
        return content

    async def _record_ranges(self, conv: Conversation) -> None:
        """Record from which position each member may read: known for rooms, otherwise the first."""
        context = self._context
        first = dict.fromkeys(conv.members, 1)
        if conv.is_room:
            # The creator is a member from the first position on.
            channel = self._sessions[conv.members[0]].request_channel
            make = partial(channel.codec.members, conv.name)
            named = await answer_to(
                self._transport, channel, conv.number, make, check_members, _TIMEOUT_S
            )
            numbers = context.user_numbers
            first = {numbers[name]: seq for name, seq in named.items() if name in numbers}
        for user, seq in first.items():
            context.sink.add(Kind.RANGE, context.now_ns(), conv=conv.number, peer=user, seq=seq)

    def _record_ended_ranges(self, conv: Conversation, entries: dict[int, Entry]) -> None:
        """Record what users could read who were removed, from the events that are stored."""
        context = self._context
        first: dict[str, int] = {}
        for seq, entry in sorted(entries.items()):
            if entry.event == "added":
                first[entry.user] = seq
            elif entry.event == "removed" and entry.user in first:
                context.sink.add(
                    Kind.RANGE,
                    context.now_ns(),
                    conv=conv.number,
                    peer=context.user_numbers.get(entry.user, 0),
                    seq=first.pop(entry.user),
                    sseq=seq,
                )

    async def _read_all(self, conv: Conversation) -> tuple[dict[int, Entry], int]:
        entries: dict[int, Entry] = {}
        after, head = 0, 0
        while True:
            page = await self._page(conv, after, PAGE_LIMIT, conv.members[0])
            head = max(head, page.head)
            entries.update((entry.seq, entry) for entry in page.entries)
            # A page that ends before the head that it reports does not prove the end.
            last = max((entry.seq for entry in page.entries), default=after)
            if not page.continues(PAGE_LIMIT) and (last == after or last >= head):
                break
            after = _next_cursor(conv, after, last, len(entries))
        await self._read_holes(conv, entries, head)
        return entries, head

    async def _read_holes(self, conv: Conversation, entries: dict[int, Entry], head: int) -> None:
        """Request missing positions once more from other cursors, and add what is there."""
        reader, *others = conv.members
        await self._fill_holes(conv, entries, head, reader, _HOLE_REQUESTS_MAX)
        left = _HOLE_REQUESTS_MAX
        for other in others:
            if (
                not left
                or next(holes(entries, head), None) is None
                or self._silence_s() > _TIMEOUT_S
            ):
                break
            # A user who is no member any more is refused, which says nothing of what is stored.
            with contextlib.suppress(ProtocolError):
                left = await self._fill_holes(conv, entries, head, other, left)

    async def _fill_holes(
        self, conv: Conversation, entries: dict[int, Entry], head: int, reader: int, left: int
    ) -> int:
        """Add what a reader finds at missing positions; return what remains of `left` requests."""
        for hole in list(holes(entries, head)):
            after = max(0, hole.start - 2)
            while after < hole.stop - 1 and left:
                left -= 1
                page = await self._page(conv, after, _HOLE_PAGE_LIMIT, reader)
                for entry in page.entries:
                    entries.setdefault(entry.seq, entry)
                if not page.entries or page.entries[-1].seq <= after:
                    break
                after = page.entries[-1].seq
        return left

    async def _read_archives(self, conv: Conversation) -> list[Content]:
        stored: Counter[Content] = Counter()
        for member in conv.members:
            archive: Counter[Content] = Counter()
            after, more = "", True
            while more:
                page = await self._page(conv, after, PAGE_LIMIT, member)
                archive.update(self._content(conv, entry) for entry in page.entries)
                more = page.more and bool(page.entries)
                if more:
                    after = _next_cursor(conv, after, page.entries[-1].id, archive.total())
            stored |= archive  # the larger count of each
        return sorted(stored.elements(), key=Content.as_tuple)

    async def _page(self, conv: Conversation, after: Cursor, limit: int, reader: int) -> Page:
        channel = self._sessions[reader].request_channel
        make = partial(channel.codec.history, conv.name, after, limit)
        requested_ns = self._context.now_ns()
        page = await answer_to(self._transport, channel, conv.number, make, check_page, _TIMEOUT_S)
        # Pages of other members are not recorded: the judge expects everything in a page of the
        # audit, and a member who was added later is shown less.
        if isinstance(after, int) and reader == conv.members[0]:
            record_page(self._context, conv, page, limit, after=after, requested_ns=requested_ns)
        self._answered_s = asyncio.get_running_loop().time()
        self._pages += 1
        if self._answered_s > self._reported_s + _PROGRESS_S:
            self._reported_s = self._answered_s
            self._journal.write(
                "audit", pages=self._pages, conversations=self._read, of=self._total
            )
        return page

    def _record(
        self,
        conv: Conversation,
        found: list[tuple[int, Content]],
        head: int,
        entries: Mapping[int, Entry],
    ) -> None:
        """Record what was found, and what the `entries` by position tell of each message."""
        context = self._context
        stored: set[tuple[int, int]] = set()
        for seq, content in found:
            own = not content.flags & (Flag.FOREIGN | Flag.ROOM_EVENT | Flag.LEFTOVER)
            now_ns = context.now_ns()
            context.sink.add(
                Kind.AUDIT,
                now_ns,
                ref_ns=content.intended_ns,
                conv=conv.number,
                peer=content.peer,
                sseq=content.sseq,
                seq=seq,
                flags=Channel.AUDIT | content.flags,
            )
            if own:
                stored.add((content.peer, content.sseq))
                if entry := entries.get(seq):
                    self._record_id_and_stamp(conv, content, entry, now_ns)
        context.sink.add(Kind.HEAD, context.now_ns(), conv=conv.number, seq=head)
        context.ledger.audit(conv.number, stored)

    def _record_id_and_stamp(
        self, conv: Conversation, content: Content, entry: Entry, now_ns: int
    ) -> None:
        """Record the id and the time stamp that the server gave a message, if it did."""
        local_ns = self._context.server_times.local_ns(entry.stamped_ms)
        other = content.named & NamedFlag.OTHER_MESSAGE
        differs = StampFlag.DIFFERS if local_ns and content.named & OTHER_STAMP else 0
        rows = ((Kind.NAMED, id_digest(entry.id), other), (Kind.STAMP, local_ns, differs))
        for kind, ref_ns, spare in rows:
            if ref_ns or spare:
                self._context.sink.add(
                    kind,
                    now_ns,
                    ref_ns,
                    conv=conv.number,
                    peer=content.peer,
                    sseq=content.sseq,
                    seq=entry.seq,
                    flags=Channel.AUDIT,
                    spare=spare,
                )


def holes(entries: Iterable[int], head: int) -> Iterator[range]:
    """Yield the ranges of positions from 1 to `head` that are not among `entries`."""
    expected = 1
    for seq in sorted(entries):
        if seq > expected:
            yield range(expected, seq)
        expected = seq + 1
    if head >= expected:
        yield range(expected, head + 1)


def _next_cursor(conv: Conversation, after: _Cursor, last: _Cursor, count: int) -> _Cursor:
    """Return the cursor of the next page; ProtocolError where paging would not end."""
    if last == after or (type(last) is int and last < after):
        raise ProtocolError(f"the pages of {conv.name} do not advance beyond {after!r}")
    if count > _ENTRIES_MAX:
        raise ProtocolError(f"{conv.name} has more than {_ENTRIES_MAX:,} entries")
    return last
