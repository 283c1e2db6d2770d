"""Reads the list of who is in a room twice a second, for the check `attendance-stale`.

Every second list is that of one room: the one that has the most changes ahead, among those that are
not too large. Its lists follow each other closely, so that one that is wrong for a short time is
seen. The lists between them are those of the other rooms, one after the other: a server may be
wrong about some rooms only. The load should not notice these requests.
A request that is refused or not answered leaves no record: an overloaded server may shed it.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Attendance, Kind
from gauntlet.core.scenario.capabilities import ATTENDANCE
from gauntlet.scenarios.adapters.base import ProtocolError
from gauntlet.scenarios.adapters.limits import check_names
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.periodic_reads import PeriodicReads
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation

MEMBERS_MAX = 100
PERIOD_NS = NS_PER_S // 2
_TIMEOUT_S = 2.0


def readable_rooms(traffic: Traffic) -> list[Conversation]:
    """Return the rooms that are not too large to be read."""
    return [
        conv
        for conv in traffic.conversations.values()
        if conv.is_room and len(conv.members) <= MEMBERS_MAX
    ]


def choose_room(traffic: Traffic) -> Conversation | None:
    """Return the room to read most often: of those with the most changes, the first one."""
    rooms = readable_rooms(traffic)
    changes = Counter(absence.conv for absence in traffic.room_absences)
    changes.update(removal.conv for removal in traffic.room_removals)
    away = Counter(period.user for period in traffic.offline_periods)
    for room in rooms:
        changes[room.name] += sum(away[user] for user in room.members)
    return max(rooms, key=lambda room: changes[room.name], default=None)


class AttendancePolls:
    """The polls of one worker."""

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
        self._polls = PeriodicReads(plan, context, transport, PERIOD_NS, self._next_poll)
        declared = ATTENDANCE in plan.adapter.capabilities
        self._room = choose_room(plan.traffic) if declared else None
        rooms = readable_rooms(plan.traffic) if declared else []
        self._others = [room for room in rooms if room is not self._room]
        self._count = 0

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first poll, as `user_actions.scheduled_actions`."""
        if self._room is not None:
            yield self._polls.first_read(self._room.members[0])

    def _next_poll(self) -> Coroutine[Any, Any, None] | None:
        """Return the poll of the room whose turn it is, if a member can read it."""
        room = self._next_room()
        reader = self._reader(room) if room is not None else None
        return self._read(reader, room) if room is not None and reader is not None else None

    def _next_room(self) -> Conversation | None:
        """Return the room whose turn it is, None between two turns of the only one."""
        turn, is_other = divmod(self._count, 2)
        self._count += 1
        if not is_other:
            return self._room
        return self._others[turn % len(self._others)] if self._others else None

    def _reader(self, room: Conversation) -> Session | None:
        """Return the first member who is connected."""
        members = (self._sessions.get(user) for user in room.members)
        able = (each for each in members if each and each.connected and each.is_member(room))
        return next(able, None)

    async def _read(self, session: Session, room: Conversation) -> None:
        channel, requested_ns = session.request_channel, self._context.now_ns()
        make = partial(channel.codec.attendance, room.name)
        try:
            listed = await answer_to(
                self._transport, channel, channel.gateway, make, check_names, _TIMEOUT_S
            )
        except ProtocolError:
            return
        self._record(channel.connection_number, room, set(listed), requested_ns)

    def _record(self, link: int, room: Conversation, listed: set[str], requested_ns: int) -> None:
        context, now_ns = self._context, self._context.now_ns()
        for user in room.members:
            is_listed = context.user_names[user] in listed
            context.sink.add(
                Kind.ATTENDANCE,
                now_ns,
                ref_ns=requested_ns,
                conv=room.number,
                link=link,
                peer=user,
                sseq=Attendance.PRESENT if is_listed else Attendance.ABSENT,
            )
