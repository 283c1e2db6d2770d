"""Removes members from their rooms and adds them again, at the request of the rooms' creators.

Each change is recorded with the times of its request and answer (MEMBERSHIP), because a message
that is on its way meanwhile may or may not reach the user. While users are certainly no members,
some of them act as strangers. Once they are members again, they request the history of the time in
which they were none: what a server gives them of it is recorded as received.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gauntlet.core.history import Kind, ProbeResult, RoomEvent
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.scenarios.adapters.base import ProtocolError
from gauntlet.scenarios.adapters.limits import check_change, check_page
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.strangers import Strangers
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, device_keys

TIMEOUT_S = 20.0
VISITS_MAX = 12  # of each worker
_ENTRIES = 100  # of an absence; what a server gives of it begins with the first ones


class MemberChanges:
    """The changes of one worker; each user has at most one under way in a room."""

    def __init__(
        self,
        context: Context,
        transport: SocketTransport,
        sessions: Mapping[int, Session],
        devices: int,
        strangers: Strangers | None,
        on_removed: Callable[[Conversation, int], None],
    ) -> None:
        self._context = context
        self._transport = transport
        self._sessions = sessions
        self._devices = devices
        self._strangers = strangers
        self._on_removed = on_removed  # receives the position of each removal
        self._visits = 0
        self._busy: set[tuple[int, int]] = set()  # conversation and user
        # The same: the position at which the user was removed, where the server has named it.
        self._left: dict[tuple[int, int], int] = {}
        self._has_history = HISTORY in context.adapter.capabilities

    def scheduled_actions(
        self, traffic: Traffic
    ) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of all changes, as `user_actions.scheduled_actions`."""
        for removal in traffic.room_removals:
            conv = traffic.conversations[removal.conv]
            for t_ns, event in (
                (removal.from_ns, RoomEvent.REMOVED),
                (removal.to_ns, RoomEvent.ADDED),
            ):
                yield t_ns, removal.user, partial(self.begin, conv=conv, event=event)

    def begin(self, session: Session, conv: Conversation, event: RoomEvent) -> None:
        """Request a change, once for all devices of the user; not while another is under way."""
        key = conv.number, session.user.number
        if session.user.device_index or key in self._busy:
            return
        if session.is_member(conv) is (event == RoomEvent.ADDED):
            return  # the room was never filled, or the change before this one failed
        self._busy.add(key)
        self._transport.spawn(self._change(session, conv, event, key))

    async def _change(
        self, session: Session, conv: Conversation, event: RoomEvent, key: tuple[int, int]
    ) -> None:
        try:
            if event == RoomEvent.ADDED:
                await self._add(session, conv)
            else:
                await self._remove(session, conv)
        finally:
            self._busy.discard(key)

    async def _remove(self, session: Session, conv: Conversation) -> None:
        user, ledger = session.user.number, self._context.ledger
        devices = device_keys((user,), self._devices)
        for device_key in devices:
            ledger.unwatch(conv.number, device_key)
        position = await request_change(
            self._context, self._transport, self._creator(conv), conv, session, RoomEvent.REMOVED
        )
        self._left[conv.number, user] = position or 0
        for device_key in devices:
            self._sessions[device_key].expel(conv)
        if position:
            self._on_removed(conv, position)
        if position is not None and self._strangers is not None and self._visits < VISITS_MAX:
            self._visits += 1
            await self._strangers.try_all(session, conv)

    async def _add(self, session: Session, conv: Conversation) -> None:
        user, ledger = session.user.number, self._context.ledger
        position = await request_change(
            self._context, self._transport, self._creator(conv), conv, session, RoomEvent.ADDED
        )
        if position is not None:
            for device_key in device_keys((user,), self._devices):
                self._sessions[device_key].join(conv, position)
                ledger.watch(conv.number, device_key)
            left = self._left.pop((conv.number, user), 0)
            if self._has_history and 0 < left < position - 1:
                self._transport.spawn(self._read_absence(session, conv, left, position))

    async def _read_absence(
        self, session: Session, conv: Conversation, left: int, returned: int
    ) -> None:
        """Request what was written between a removal and the addition after it."""
        channel = session.request_channel
        make = partial(channel.codec.history, conv.name, left, _ENTRIES)
        try:
            page = await answer_to(
                self._transport, channel, channel.gateway, make, check_page, TIMEOUT_S
            )
        except ProtocolError:
            return  # the user may have been removed once more
        given = [entry for entry in page.entries if left < entry.seq < returned]
        session.receiver.show_history(conv, given)

    def _creator(self, conv: Conversation) -> Session:
        return self._sessions[conv.members[0]]


async def request_change(
    context: Context,
    transport: SocketTransport,
    by: Session,
    conv: Conversation,
    subject: Session,
    event: RoomEvent,
) -> int | None:
    """Change a user's membership, and record it; return its position, or None without an answer.

    A refusal is recorded as no answer: the request may have taken effect at another gateway. So is
    a request that is cancelled because the load ends.
    """
    channel = by.request_channel
    codec, requested_ns = channel.codec, context.now_ns()
    change = codec.add_member if event == RoomEvent.ADDED else codec.remove_member
    make = partial(change, conv.name, subject.user.name)
    position: int | None = None
    try:
        position = await answer_to(
            transport, channel, channel.gateway, make, check_change, TIMEOUT_S
        )
    except ProtocolError:
        channel.switch_gateway(channel.gateway)
    finally:
        context.sink.add(
            Kind.MEMBERSHIP,
            context.now_ns(),
            ref_ns=requested_ns,
            conv=conv.number,
            link=channel.connection_number,
            peer=subject.user.number,
            sseq=event,
            seq=position or 0,
            spare=ProbeResult.UNKNOWN if position is None else ProbeResult.GRANTED,
        )
    return position
