"""The audit: reads the whole history of every conversation at the end of a load.

It proves what is stored, and never counts as a delivery. Positions that a page omits are requested
once more from another cursor, to tell a page that skips from a message that is lost.

A server without positions keeps an archive for each member, so all archives are read. A message is
stored if any archive contains it, as many times as the archive that contains it most often. If it
is missing from a receiver's own archive, the check `undelivered` reports that.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

import msgspec

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.scenarios.adapters.base import Cursor, Entry, Page, ProtocolError
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Content, read_content
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.network.transport import SocketTransport, call_and_wait
from gauntlet.scenarios.workloads.entities import Conversation

PAGE_LIMIT = 500
_WITHIN_S = 10.0
_AT_ONCE = 8
_TELL_S = 10.0
_SILENCE_S = 30.0  # without any answer: the server is considered gone, and the rest is skipped
_HOLES_MAX = 200  # per conversation: enough for evidence, and bounded if the server is broken


class Audit:
    """Reads and records; `unread` counts the conversations that could not be read completely.

    It reports its progress to the journal every `_TELL_S`, so that a long audit is not taken for a
    load that hangs.
    """

    def __init__(
        self,
        context: Context,
        port: SocketTransport,
        sessions: dict[int, Session],
        journal: Journal,
    ) -> None:
        self._context = context
        self._port = port
        self._sessions = sessions
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._journal = journal
        self._heard_s = 0.0  # when the last answer arrived
        self._told_s = 0.0
        self._pages = 0
        self.unread = 0

    async def run(self, conversations: Iterable[Conversation]) -> None:
        """Audit every conversation, a few at a time."""
        self._heard_s = self._told_s = asyncio.get_running_loop().time()
        await asyncio.gather(*(self._audit(conv) for conv in conversations))

    async def _audit(self, conv: Conversation) -> None:
        async with self._slots:
            if asyncio.get_running_loop().time() - self._heard_s > _SILENCE_S:
                self.unread += 1
                return
            try:
                if SERVER_SEQ in self._context.adapter.capabilities:
                    await self._record_ranges(conv)
                    entries, head = await self._read_all(conv)
                    found = [(seq, self._content(conv, e)) for seq, e in sorted(entries.items())]
                else:
                    found, head = [(0, content) for content in await self._copies(conv)], 0
            except ProtocolError:
                self.unread += 1
                return
            self._record(conv, found, head)

    def _content(self, conv: Conversation, entry: Entry) -> Content:
        content = read_content(self._context, conv, entry)
        if entry.event:
            return msgspec.structs.replace(content, flags=content.flags | Flag.ROOM_EVENT)
        return content

    async def _record_ranges(self, conv: Conversation) -> None:
        """Record from which position each member may read: known for rooms, otherwise the first."""
        context = self._context
        first = dict.fromkeys(conv.members, 1)
        if conv.is_room:
            # The creator is a member from the first position on.
            access = self._sessions[conv.members[0]].request_channel
            call = access.codec.members(conv.name)
            named = await call_and_wait(self._port, access, conv.number, call, _WITHIN_S)
            numbers = context.user_numbers
            first = {numbers[name]: seq for name, seq in named.items() if name in numbers}
        for user, seq in first.items():
            context.sink.add(Kind.RANGE, context.now_ns(), conv=conv.number, peer=user, seq=seq)

    async def _read_all(self, conv: Conversation) -> tuple[dict[int, Entry], int]:
        entries: dict[int, Entry] = {}
        after, head = 0, 0
        while True:
            page = await self._page(conv, after, PAGE_LIMIT)
            head = max(head, page.head)
            entries.update((entry.seq, entry) for entry in page.entries)
            if not page.continues(PAGE_LIMIT):
                break
            after = page.entries[-1].seq
        holes = [seq for seq in range(1, head + 1) if seq not in entries]
        for seq in holes[:_HOLES_MAX]:
            if seq not in entries:
                page = await self._page(conv, max(0, seq - 2), 10)
                for entry in page.entries:
                    entries.setdefault(entry.seq, entry)
        return entries, head

    async def _copies(self, conv: Conversation) -> list[Content]:
        stored: Counter[Content] = Counter()
        for member in conv.members:
            archive: Counter[Content] = Counter()
            after, more = "", True
            while more:
                page = await self._page(conv, after, PAGE_LIMIT, member)
                archive.update(self._content(conv, entry) for entry in page.entries)
                more = page.more and bool(page.entries)
                after = page.entries[-1].id if page.entries else after
            stored |= archive  # the larger count of each
        return sorted(stored.elements())

    async def _page(
        self, conv: Conversation, after: Cursor, limit: int, reader: int | None = None
    ) -> Page:
        access = self._sessions[reader or conv.members[0]].request_channel
        call = access.codec.history(conv.name, after, limit)
        page = await call_and_wait(self._port, access, conv.number, call, _WITHIN_S)
        self._heard_s = asyncio.get_running_loop().time()
        self._pages += 1
        if self._heard_s > self._told_s + _TELL_S:
            self._told_s = self._heard_s
            self._journal.write("audit", pages=self._pages)
        return page

    def _record(self, conv: Conversation, found: list[tuple[int, Content]], head: int) -> None:
        context = self._context
        stored: set[tuple[int, int]] = set()
        for seq, content in found:
            if not content.flags & (Flag.FOREIGN | Flag.ROOM_EVENT):
                stored.add((content.peer, content.sseq))
            context.sink.add(
                Kind.AUDIT,
                context.now_ns(),
                ref_ns=content.intended_ns,
                conv=conv.number,
                peer=content.peer,
                sseq=content.sseq,
                seq=seq,
                flags=Channel.AUDIT | content.flags,
            )
        context.sink.add(Kind.HEAD, context.now_ns(), conv=conv.number, seq=head)
        context.ledger.audit(conv.number, stored)
