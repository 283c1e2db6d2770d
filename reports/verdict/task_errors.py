"""Exceptions that the tasks of Locust users have raised: such a run fails, as in plain Locust.

A script that fails does not send what it was written to send, so that a verdict without violations
proves less than it seems to. An `IMError`, such as a send without an answer, is not counted here:
it reports what the system did, which checks and objectives judge.
"""

from collections.abc import Iterator

from gauntlet.core.errors import Exit
from gauntlet.reports.history.events import Events
from gauntlet.reports.verdict.verdict import Reason

_TASK = "task"


def reasons(events: Events) -> Iterator[Reason]:
    """Yield a reason if tasks have raised exceptions, with the most frequent one."""
    groups = [group for group in events.errors if group.concerns == _TASK]
    if not groups:
        return
    count = sum(group.count for group in groups)
    plural = "exceptions" if count != 1 else "exception"
    example = "most often" if count != 1 else "namely"
    yield Reason(
        Exit.FAILED,
        f"task-errors: tasks of Locust users raised {count:,} {plural}, {example} "
        f"{groups[0].text.rstrip('.')}.",
    )
