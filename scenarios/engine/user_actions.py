"""What users do besides talking: they leave and return, stall, exit rooms and enter them again."""

from collections.abc import Callable, Iterator
from functools import partial

from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.schedule.traffic import Traffic


def moves(traffic: Traffic) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
    """(when, who, what): nanoseconds from the start of the timeline, and a call of a session."""
    for absence in traffic.absences:
        yield absence.from_ns, absence.user, Session.stall if absence.stalls else Session.leave
        yield absence.to_ns, absence.user, Session.start
    for outing in traffic.outings:
        room = traffic.conversations[outing.conv]
        yield outing.from_ns, outing.user, partial(Session.attend, conv=room, on=False)
        yield outing.to_ns, outing.user, partial(Session.attend, conv=room, on=True)
