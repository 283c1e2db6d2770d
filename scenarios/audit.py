"""The audit: reads every conversation's whole history at the end of a load.

It proves what is stored; it is never a delivery. Positions that a page leaves out are asked for
once more from another cursor, so that a page which skips is told from a message that is lost.
"""

import asyncio
from collections.abc import Iterable

from gauntlet.kernel.history import Channel, Flag, Kind
from scenarios.adapters.base import Entry, Page, ProtocolError
from scenarios.context import Context
from scenarios.mailbox import read_content
from scenarios.plan import Conversation
from scenarios.ports import SocketPort
from scenarios.session import Session

PAGE_LIMIT = 500
_WITHIN_S = 10.0
_AT_ONCE = 8
_HOLES_MAX = 200  # of one conversation: enough for evidence, and bounded on a broken server


class Audit:
    """Reads and records; `unread` counts the conversations that could not be read whole."""

    def __init__(self, context: Context, port: SocketPort, sessions: dict[int, Session]) -> None:
        self._context = context
        self._port = port
        self._sessions = sessions
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.unread = 0

    async def run(self, conversations: Iterable[Conversation]) -> None:
        """Audit every conversation, a few at a time."""
        await asyncio.gather(*(self._audit(conv) for conv in conversations))

    async def _audit(self, conv: Conversation) -> None:
        async with self._slots:
            try:
                await self._record_ranges(conv)
                entries, head = await self._read_all(conv)
            except ProtocolError:
                self.unread += 1
                return
            self._record(conv, entries, head)

    async def _record_ranges(self, conv: Conversation) -> None:
        """From which position each member may read: learnt for rooms, the first elsewhere."""
        context = self._context
        first = dict.fromkeys(conv.members, 1)
        if conv.is_room:
            request = context.adapter.members(self._token(conv), conv.name)
            response = await self._port.ask(conv.number, request, _WITHIN_S)
            if response is None:
                raise ProtocolError("no answer")
            named = context.adapter.read_members(response)
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
            if len(page.entries) < PAGE_LIMIT:
                break
            after = page.entries[-1].seq
        holes = [seq for seq in range(1, head + 1) if seq not in entries]
        for seq in holes[:_HOLES_MAX]:
            if seq not in entries:
                page = await self._page(conv, max(0, seq - 2), 10)
                for entry in page.entries:
                    entries.setdefault(entry.seq, entry)
        return entries, head

    async def _page(self, conv: Conversation, after: int, limit: int) -> Page:
        adapter = self._context.adapter
        request = adapter.history(self._token(conv), conv.name, after, limit)
        response = await self._port.ask(conv.number, request, _WITHIN_S)
        if response is None:
            raise ProtocolError("no answer")
        return adapter.read_history(conv.name, response)

    def _record(self, conv: Conversation, entries: dict[int, Entry], head: int) -> None:
        context = self._context
        stored: set[tuple[int, int]] = set()
        for seq, entry in sorted(entries.items()):
            content = read_content(context.user_numbers, conv, entry)
            if not entry.event and not content.flags & Flag.FOREIGN:
                stored.add((content.peer, content.sseq))
            event = Flag.ROOM_EVENT if entry.event else 0
            context.sink.add(
                Kind.AUDIT,
                context.now_ns(),
                ref_ns=content.intended_ns,
                conv=conv.number,
                peer=content.peer,
                sseq=content.sseq,
                seq=seq,
                flags=Channel.AUDIT | event | content.flags,
            )
        context.sink.add(Kind.HEAD, context.now_ns(), conv=conv.number, seq=head)
        context.ledger.audit(conv.number, stored)

    def _token(self, conv: Conversation) -> str:
        # The creator is a member from the first position on.
        return self._sessions[conv.members[0]].access.token
