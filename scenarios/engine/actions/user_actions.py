"""What users do besides sending: enter their rooms, leave and return, stall, exit rooms."""

from collections.abc import Callable, Iterator
from functools import partial

from gauntlet.core.history import RoomEvent
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.member_changes import request_change
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, device_keys


async def fill_room(
    context: Context,
    transport: SocketTransport,
    room: Conversation,
    sessions: dict[int, Session],
    devices: int,
) -> bool:
    """Add every member to a room, the creator first, and have all their devices attend it.

    Return False where the system refused a member or did not answer: then no user may send there.
    """
    creator = sessions[room.members[0]]
    for user in room.members:
        position = await request_change(
            context, transport, creator, room, sessions[user], RoomEvent.ADDED
        )
        if position is None:
            return False
        for device_key in device_keys((user,), devices):
            sessions[device_key].join(room, position)
    return True


def scheduled_actions(traffic: Traffic) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
    """Yield (time, user, action) for all planned absences, in no particular order.

    Times are nanoseconds from the start of the timeline; an action is called with each of the
    user's sessions.
    """
    for period in traffic.offline_periods:
        yield period.from_ns, period.user, Session.stall if period.stalls else Session.leave
        yield period.to_ns, period.user, Session.start
    for absence in traffic.room_absences:
        room = traffic.conversations[absence.conv]
        yield absence.from_ns, absence.user, partial(Session.attend, conv=room, on=False)
        yield absence.to_ns, absence.user, partial(Session.attend, conv=room, on=True)
