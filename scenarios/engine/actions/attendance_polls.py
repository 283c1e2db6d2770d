"""Reads the list of who is in a room once a second, for the check `attendance-stale`.

In each worker one room is read, because the evidence of one suffices, and the load should not
notice it. It is the room that has the most changes ahead, among those that are not too large.
A request that is refused or not answered leaves no record: an overloaded server may shed it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Attendance, Kind
from gauntlet.core.scenario.capabilities import ATTENDANCE
from gauntlet.scenarios.adapters.base import ProtocolError
from gauntlet.scenarios.adapters.limits import check_names
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport, call_and_wait
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation

MEMBERS_MAX = 100
PERIOD_NS = NS_PER_S
_TIMEOUT_S = 2.0


def choose_room(traffic: Traffic) -> Conversation | None:
    """Return the room to read: of those with the most changes, the first one."""
    rooms = [
        conv
        for conv in traffic.conversations.values()
        if conv.is_room and len(conv.members) <= MEMBERS_MAX
    ]
    changes = Counter(absence.conv for absence in traffic.room_absences)
    changes.update(removal.conv for removal in traffic.room_removals)
    away = Counter(period.user for period in traffic.offline_periods)
    for room in rooms:
        changes[room.name] += sum(away[user] for user in room.members)
    return max(rooms, key=lambda room: changes[room.name], default=None)


class AttendancePolls:
    """The polls of one worker; at most one is under way."""

    def __init__(
        self,
        plan: LoadPlan,
        context: Context,
        port: SocketTransport,
        sessions: Mapping[int, Session],
    ) -> None:
        self._context = context
        self._port = port
        self._sessions = sessions
        self._load = plan.load.scenario.load
        declared = ATTENDANCE in plan.adapter.capabilities
        self._room = choose_room(plan.traffic) if declared else None
        self._is_waiting = False
        self._end_ns = 0

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first poll, as `user_actions.scheduled_actions`."""
        if self._room is not None:
            yield int(self._load.ramp * NS_PER_S), self._room.members[0], self._begin

    def _begin(self, _session: Session) -> None:
        """Begin to poll, once for all devices of the user."""
        if not self._end_ns:
            self._end_ns = self._context.now_ns() + int(self._load.steady * NS_PER_S)
            self._poll()

    def _poll(self) -> None:
        room = self._room
        if room is None or self._context.now_ns() >= self._end_ns:
            return
        reader = self._reader(room)
        if reader is not None and not self._is_waiting:
            self._is_waiting = True
            self._port.spawn(self._read(reader, room))
        self._context.after(PERIOD_NS, self._poll)

    def _reader(self, room: Conversation) -> Session | None:
        """Return the first member who is connected."""
        members = (self._sessions.get(user) for user in room.members)
        able = (each for each in members if each and each.connected and each.is_member(room))
        return next(able, None)

    async def _read(self, session: Session, room: Conversation) -> None:
        channel, requested_ns = session.request_channel, self._context.now_ns()
        try:
            call = channel.codec.attendance(room.name)
            listed = await call_and_wait(self._port, channel, channel.gateway, call, _TIMEOUT_S)
            check_names(listed)
        except ProtocolError:
            return
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            channel.record_error(error)
            return
        finally:
            self._is_waiting = False
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
