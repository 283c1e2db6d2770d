"""All that users do besides sending, and when."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions import strangers, user_actions
from gauntlet.scenarios.engine.actions.attendance_polls import AttendancePolls
from gauntlet.scenarios.engine.actions.contacts import Contacts
from gauntlet.scenarios.engine.actions.head_reads import HeadReads
from gauntlet.scenarios.engine.actions.history_reads import HistoryReads
from gauntlet.scenarios.engine.actions.impostors import Impostors
from gauntlet.scenarios.engine.actions.late_retries import LateRetries
from gauntlet.scenarios.engine.actions.member_changes import MemberChanges
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport


def scheduled_actions(
    plan: LoadPlan, context: Context, transport: SocketTransport, sessions: Mapping[int, Session]
) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
    """Yield (time, user, action), in no particular order.

    Times are nanoseconds from the start of the timeline; an action is called with each of the
    user's sessions.
    """
    yield from user_actions.scheduled_actions(plan.traffic)
    visitors = strangers.Strangers(plan, context, transport)
    for visit in strangers.plan_visits(plan):
        yield visit.offset_ns, visit.user, partial(visitors.visit, conv=visit.conv)
    yield from Impostors(plan, context, transport, sessions).scheduled_actions()
    late = LateRetries(plan, context, transport)
    reads = HistoryReads(plan, context, transport, sessions, late.on_page)
    yield from reads.scheduled_actions()
    changes = MemberChanges(
        context,
        transport,
        sessions,
        plan.load.scenario.load.devices,
        visitors if strangers.has_strangers(plan) else None,
        reads.on_removed,
    )
    yield from changes.scheduled_actions(plan.traffic)
    yield from AttendancePolls(plan, context, transport, sessions).scheduled_actions()
    yield from Contacts(plan, context, transport).scheduled_actions()
    yield from HeadReads(plan, context, transport, sessions).scheduled_actions()
