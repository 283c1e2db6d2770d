"""Members who are served late in one conversation, though others receive its messages in time.

Such a member has a usual median over all conversations, and such a conversation one over all
members. So each delivery is compared with the median of the deliveries of the same message: what
delays a message, or the machine, delays both, and in a room whose members are served one after the
other, there is always a last one. Each device of a member counts for itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.checks._slow_messages import late_from_ns, usual_ns
from gauntlet.reports.history.arrays import (
    Ints,
    contains,
    distinct,
    grouped,
    pair,
    stable_order,
)
from gauntlet.reports.history.history import History

SAMPLES_MIN = 5  # of a member in a conversation
SPAN_NS = 5 * NS_PER_S  # what is late in a shorter time may be a single disturbance


class LateMember(NamedTuple):
    """A member and their conversation, how many deliveries a device has, and one that is late.

    `at` is an index of the deliveries, and `behind_ns` how much later than others they received it.
    """

    user: int
    conv: int
    size: int
    at: int
    behind_ns: int


def late_members(
    history: History, counted: Ints, delay_ns: Ints, least_ns: int
) -> Iterator[LateMember]:
    """Yield the members of whose deliveries more than half come much later than those of others.

    That is `least_ns` later, and late for their message (`late_from_ns`). `counted` are the indices
    of the expected deliveries that count, and `delay_ns` their delays.
    """
    slow = np.flatnonzero(delay_ns > least_ns)
    if slow.size <= SAMPLES_MIN // 2:
        return
    expected, messages = history.expected, history.messages
    message = expected.message[counted]
    member = pair(messages.conv[message], expected.session[counted])
    own = np.flatnonzero(contains(distinct(member[slow]), member))
    of_message_ns = usual_ns(message, delay_ns, own)
    behind_ns = delay_ns[own] - of_message_ns
    error_ns = history.events.clock_error_ns
    late = (behind_ns > least_ns) & (delay_ns[own] > late_from_ns(of_message_ns, error_ns))
    members, _, number = grouped(member[own])
    size = np.bincount(number, minlength=members.size)
    often = 2 * np.bincount(number[late], minlength=members.size) > size
    rows_of_late = np.flatnonzero(late)
    rows_of_late = rows_of_late[stable_order(number[rows_of_late], behind_ns[rows_of_late])]
    edges = np.searchsorted(number[rows_of_late], np.arange(members.size + 1))
    for at in np.flatnonzero(often & (size >= SAMPLES_MIN)).tolist():
        rows = rows_of_late[edges[at] : edges[at + 1]]
        intended_ns = messages.intended_ns[message[own[rows]]]
        if int(intended_ns.max() - intended_ns.min()) >= SPAN_NS:
            middle = rows[(rows.size - 1) // 2]
            user, conv = int(expected.user[counted[own[middle]]]), int(members[at] >> 32)
            yield LateMember(user, conv, int(size[at]), int(own[middle]), int(behind_ns[middle]))
