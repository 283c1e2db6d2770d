"""When it showed that a message is stored which nobody acknowledged.

An op whose sender had no answer may be committed at any time, even while the audit reads. It is
certain to be stored from the moment at which somebody was shown it; or, because a conversation
grows at its end, was shown or told a later position of it.
"""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.history.messages import Messages
from gauntlet.reports.history.records import NEVER, Ints, Records, contains, find, ints, pair

_SHOWS = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)


def surfaced_ns(records: Records, messages: Messages) -> Ints:
    """For each message that ended without an answer, and is stored: since when that is certain.

    NEVER for those of which nothing was seen, and for all other messages.
    """
    since_ns = np.full(len(messages), NEVER, dtype=np.int64)
    open_ended = messages.sent & messages.stored & ~messages.acked & ~messages.rejected
    wanted = np.flatnonzero(open_ended)
    if wanted.size == 0:
        return since_ns
    convs = np.unique(messages.conv[wanted])
    shows = np.isin(records["kind"], _SHOWS) & (records["flags"] & Flag.FOREIGN == 0)
    at = np.flatnonzero(shows & contains(convs, ints(records["conv"])))
    own = at[np.append(open_ended, False)[messages.of_record[at]]]  # -1 is no message: the last
    np.minimum.at(since_ns, messages.of_record[own], ints(records["t_ns"][own]))
    placed = wanted[messages.position[wanted] > 0]
    passed_ns = _passed_ns(records, at, convs, messages.conv[placed], messages.position[placed])
    since_ns[placed] = np.minimum(since_ns[placed], passed_ns)
    return since_ns


def _passed_ns(records: Records, at: Ints, convs: Ints, conv: Ints, position: Ints) -> Ints:
    """When each place, or one behind it, was first seen by the records `at`."""
    lane = find(convs, ints(records["conv"][at]))
    order = np.argsort(lane, kind="stable")  # those of a conversation stay in the order of time
    # Later lanes lie above earlier ones, so one running maximum serves all of them.
    reached = np.maximum.accumulate(pair(lane, records["seq"][at])[order])
    goal = pair(find(convs, conv), position)
    first = np.searchsorted(reached, goal)
    within = np.append(reached, -1)[first] >> 32 == goal >> 32
    return np.where(within, np.append(ints(records["t_ns"][at[order]]), NEVER)[first], NEVER)
