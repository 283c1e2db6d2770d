"""Reads the list of the last positions once a second, as an app does that shows unread counts.

Without it, a load sees such a list only when a client connects. The reader is each member in turn.
For each of their conversations, the list says where it ends, and nothing if it is left out; both
are recorded as a page without entries (HEADS). So `history-regress` reports a list that knows less
than clients knew, and `history-gap` one that names what does not exist. The client itself learns
nothing from it: it would repair what a push should have brought.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind, PageFlag
from gauntlet.core.scenario.capabilities import HEADS, HISTORY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import ProtocolError
from gauntlet.scenarios.adapters.limits import check_heads
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.periodic_reads import PeriodicReads
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

CONVERSATIONS_MAX = 100  # of a reader: each becomes a record
# Histories are cut into pieces only if few records are about reads; see `history_reads`.
RATE_MAX = 1_000
PERIOD_NS = NS_PER_S
_TIMEOUT_S = 5.0


class HeadReads:
    """The reads of one worker."""

    def __init__(
        self,
        plan: LoadPlan,
        context: Context,
        transport: SocketTransport,
        sessions: Mapping[int, Session],
    ) -> None:
        self._context = context
        self._transport = transport
        self._sessions = sessions
        self._reads = PeriodicReads(plan, context, transport, PERIOD_NS, self._next_read)
        load = plan.load.scenario.load
        declared = {HEADS, HISTORY, SERVER_SEQ} <= plan.adapter.capabilities
        self._readers = [
            user.number
            for user in plan.traffic.users
            if declared
            and load.rate_per_s <= RATE_MAX
            and 0 < len(context.conversations_of.get(user.number, ())) <= CONVERSATIONS_MAX
        ]
        self._count = 0

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first read, as `user_actions.scheduled_actions`."""
        if self._readers:
            yield self._reads.first_read(self._readers[0])

    def _next_read(self) -> Coroutine[Any, Any, None] | None:
        """Return the read of the next member who is connected."""
        for _ in self._readers:
            number = self._readers[self._count % len(self._readers)]
            self._count += 1
            session = self._sessions.get(number)
            if session is not None and session.connected and session.reads:
                return self._read(session)
        return None

    def _own(self, session: Session) -> list[Conversation]:
        """Return the conversations of which a user is certainly a member."""
        known = self._context.conversations_of.get(session.user.number, ())
        return [conv for conv in known if not conv.is_room or session.is_member(conv)]

    async def _read(self, session: Session) -> None:
        channel, requested_ns = session.request_channel, self._context.now_ns()
        before = self._own(session)
        try:
            heads = await answer_to(
                self._transport,
                channel,
                channel.gateway,
                channel.codec.heads,
                check_heads,
                _TIMEOUT_S,
            )
        except ProtocolError:
            return  # an overloaded server may refuse it
        after = self._own(session)
        for conv in before:
            if conv in after:
                self._record(channel.connection_number, conv, heads.get(conv.name, 0), requested_ns)
        session.receiver.on_heads(self._of_others(session, heads), fresh=False)

    def _of_others(self, session: Session, heads: Mapping[str, int]) -> dict[str, int]:
        """Return the heads of conversations to which the user never belongs."""
        found = {name: self._context.conversations.get(name) for name in heads}
        number = session.user.number
        return {
            name: heads[name]
            for name, conv in found.items()
            if conv is not None and number not in conv.members
        }

    def _record(self, link: int, conv: Conversation, head: int, requested_ns: int) -> None:
        self._context.sink.add(
            Kind.PAGE,
            self._context.now_ns(),
            ref_ns=requested_ns,
            conv=conv.number,
            link=link,
            sseq=head,
            seq=head,
            spare=PageFlag.LAST | PageFlag.HEADS,
        )
