"""Members who were removed from a room although no request for that is recorded.

A request without an answer may take effect at any later time, and each explains one removal.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gauntlet.core.history import Kind, RoomEvent
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import equal
from gauntlet.reports.history.history import History
from gauntlet.reports.history.membership import are_requests_known
from gauntlet.reports.history.room_events import Key, RoomEvents


def find(history: History, events: RoomEvents) -> Iterator[Witness]:
    """Yield each removal of a user of the load that no request explains."""
    if not are_requests_known(history.scenario, history.capabilities, history.events):
        return
    asked_ns = _requests(history)
    for key, known in events.by_member.items():
        conv, user = key
        causes_ns = asked_ns[key]
        for entry in known:
            if entry.event != RoomEvent.REMOVED or not user:
                continue
            if causes_ns and causes_ns[0] <= entry.seen_ns:
                del causes_ns[0]
                continue
            yield Witness(
                f"Position {entry.position} of {history.names.conv(conv)} reports the removal of "
                f"{history.names.user(user)}, which the load had not requested.",
                (),
                user,
                (entry.record,),
                at_ns=entry.seen_ns,
            )


def _requests(history: History) -> dict[Key, list[int]]:
    """Return when the removal of each member was requested, sorted."""
    rows = history.records[equal(history.records["kind"], Kind.MEMBERSHIP)]
    rows = np.sort(rows[equal(rows["sseq"], RoomEvent.REMOVED)], order="ref_ns")
    asked_ns: dict[Key, list[int]] = defaultdict(list)
    for row in rows:
        asked_ns[int(row["conv"]), int(row["peer"])].append(int(row["ref_ns"]))
    return asked_ns
