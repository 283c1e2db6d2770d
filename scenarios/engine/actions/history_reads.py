"""Members who read pages of the history while the load runs, as people who scroll back do.

In a load without absences few users read the history, and then from a cursor near the end and
in one page. So twice a second, a member who is connected reads a page from some earlier position,
often of one or two entries. The page is recorded with all messages in it (LISTED), as copies that
no user is shown: its content, what it leaves out, and the head that it reports are judged like
those of any other page. After each removal of a member from a room, another one reads what lies
just before it: a server may forget what those who are gone have written until they return.

Rooms with many members or many messages are not read: very long histories are judged in pieces, but
only those without such pages.
"""

import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Entry, ProtocolError
from gauntlet.scenarios.adapters.limits import check_page
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Content, read_content, record_names, record_page
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.periodic_reads import PeriodicReads
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

PERIOD_NS = NS_PER_S // 2
MEMBERS_MAX = 100
# Histories are cut into pieces from a million records on. This is the mean of the conversations,
# some of which may have ten times as many.
DELIVERIES_MAX = 100_000
# How far before the reader's last entry a page begins, and its limit: pages of one entry, full
# pages, pages that reach the end, the whole beginning, and what is behind the last entry.
WINDOWS = ((4, 1), (1, 10), (5, 2), (0, 10), (3, 3), (20, 3), (1 << 32, 10), (10, 50))
IN_A_ROW = 4  # reads of one conversation, so that the later ones show what came meanwhile
BEFORE_REMOVAL = 20  # positions that are read when a member has been removed
_TIMEOUT_S = 5.0
_DRAWS_MAX = 20


class ReadPage(NamedTuple):
    """What a member has read: each message of the page with its content."""

    reader: Session
    conv: Conversation
    messages: list[tuple[Entry, Content]]


def _cursor(session: Session, conv: Conversation) -> int:
    """Return how far a member has read a conversation, 0 if they cannot read it now."""
    able = session.connected and session.reads and (not conv.is_room or session.is_member(conv))
    cursor = session.receiver.cursors().get(conv.name, 0) if able else 0
    return cursor if isinstance(cursor, int) else 0


class HistoryReads:
    """The reads of one worker. `on_page` receives each page."""

    def __init__(
        self,
        plan: LoadPlan,
        context: Context,
        transport: SocketTransport,
        sessions: Mapping[int, Session],
        on_page: Callable[[ReadPage], None],
    ) -> None:
        self._context = context
        self._transport = transport
        self._sessions = sessions
        self._on_page = on_page
        self._reads = PeriodicReads(plan, context, transport, PERIOD_NS, self._next_read)
        load = plan.load.scenario.load
        possible = {SERVER_SEQ, HISTORY} <= plan.adapter.capabilities
        conversations = plan.traffic.conversations.values()
        messages = load.rate_per_s * load.steady / max(1, len(conversations))
        members_max = min(MEMBERS_MAX, DELIVERIES_MAX / max(1, messages))
        self._conversations = [
            conv for conv in conversations if possible and len(conv.members) <= members_max
        ]
        seed = plan.load.scenario.seed
        self._rng = random.Random(f"history-reads/{seed}/{plan.stripe.worker}")
        # Removals up to which no one has read yet: the conversation, and their position in it.
        self._removals: deque[tuple[Conversation, int]] = deque()
        self._conv: Conversation | None = None
        self._count = self._left = 0

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first read, as `user_actions.scheduled_actions`."""
        if self._conversations:
            yield self._reads.first_read(self._conversations[0].members[0])

    def on_removed(self, conv: Conversation, position: int) -> None:
        """Let the next read be of what lies before the removal of a member."""
        if conv in self._conversations:
            self._removals.append((conv, position))

    def _next_read(self) -> Coroutine[Any, Any, None] | None:
        """Return the next read, of what lies before a removal first."""
        if (chosen := self._choose_removal()) is not None:
            return self._read(*chosen, BEFORE_REMOVAL, BEFORE_REMOVAL)
        if (chosen := self._choose()) is not None:
            back, limit = WINDOWS[self._count % len(WINDOWS)]
            self._count += 1
            return self._read(*chosen, back, limit)
        return None

    def _choose_removal(self) -> tuple[Session, Conversation, int] | None:
        """Return a member who can read, and the first removal up to which no one has read."""
        while self._removals:
            conv, position = self._removals.popleft()
            sessions = (self._sessions.get(member) for member in conv.members)
            able = (each for each in sessions if each is not None and _cursor(each, conv))
            if (reader := next(able, None)) is not None:
                return reader, conv, position
        return None

    def _choose(self) -> tuple[Session, Conversation, int] | None:
        """Return a member who has read something of a conversation, and up to which position."""
        for _ in range(_DRAWS_MAX):
            if self._conv is None or not self._left:
                self._conv, self._left = self._rng.choice(self._conversations), IN_A_ROW
            conv, session = self._conv, self._sessions.get(self._rng.choice(self._conv.members))
            if session is not None and (cursor := _cursor(session, conv)):
                self._left -= 1
                return session, conv, cursor
            self._left = 0
        return None

    async def _read(
        self, reader: Session, conv: Conversation, cursor: int, back: int, limit: int
    ) -> None:
        channel, requested_ns = reader.request_channel, self._context.now_ns()
        after = max(0, cursor - back)
        make = partial(channel.codec.history, conv.name, after, limit)
        try:
            page = await answer_to(
                self._transport, channel, channel.gateway, make, check_page, _TIMEOUT_S
            )
        except ProtocolError:
            return  # an overloaded server may refuse it, and the reader may have been removed
        now_ns, link = self._context.now_ns(), channel.connection_number
        record_page(
            self._context,
            conv,
            page,
            limit,
            after=after,
            requested_ns=requested_ns,
            link=link,
            listed_ns=now_ns,
        )
        messages = [
            (entry, read_content(self._context, conv, entry))
            for entry in page.entries
            if not entry.event
        ]
        for entry, content in messages:
            self._record(conv, link, now_ns, entry, content)
        self._on_page(ReadPage(reader, conv, messages))

    def _record(
        self, conv: Conversation, link: int, now_ns: int, entry: Entry, content: Content
    ) -> None:
        self._context.sink.add(
            Kind.RECEIVE,
            now_ns,
            ref_ns=content.intended_ns,
            conv=conv.number,
            link=link,
            peer=content.peer,
            sseq=content.sseq,
            seq=entry.seq,
            flags=Channel.HISTORY | Flag.DUPLICATE | content.flags,
        )
        if content.named:
            record_names(self._context, conv, entry, content, link, Channel.HISTORY, now_ns)
