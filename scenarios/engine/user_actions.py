"""What users do besides talking: they leave and return, stall, exit rooms and enter them again."""

from collections.abc import Callable, Iterator
from functools import partial

from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.schedule.traffic import Traffic


def scheduled_actions(traffic: Traffic) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
    """(when, who, what): nanoseconds from the start of the timeline, and a call of a session."""
    for period in traffic.offline_periods:
        yield period.from_ns, period.user, Session.stall if period.stalls else Session.leave
        yield period.to_ns, period.user, Session.start
    for absence in traffic.room_absences:
        room = traffic.conversations[absence.conv]
        yield absence.from_ns, absence.user, partial(Session.attend, conv=room, on=False)
        yield absence.to_ns, absence.user, partial(Session.attend, conv=room, on=True)
