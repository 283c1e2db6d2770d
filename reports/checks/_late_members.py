"""Members who are served late in one conversation, though others receive its messages in time.

Such a member has a usual median over all conversations, and such a conversation one over all
members. So each delivery is compared with the fastest delivery of the same message to others: what
delays a message, or the machine, delays both. Each device of a member counts for itself.
"""

from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.arrays import NEVER, Ints, contains, distinct, grouped, pair
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


def find(history: History, counted: Ints, delay_ns: Ints, least_ns: int) -> list[LateMember]:
    """Return the members of whose deliveries more than half come `least_ns` after those of others.

    `counted` are the indices of the expected deliveries that count, and `delay_ns` their delays.
    """
    slow = np.flatnonzero(delay_ns > least_ns)
    if slow.size <= SAMPLES_MIN // 2:
        return []
    expected, messages = history.expected, history.messages
    message = expected.message[counted]
    member = pair(messages.conv[message], expected.session[counted])
    fastest_ns = np.full(len(messages), NEVER, dtype=np.int64)
    np.minimum.at(fastest_ns, message, delay_ns)
    own = np.flatnonzero(contains(distinct(member[slow]), member))
    behind_ns = delay_ns[own] - fastest_ns[message[own]]
    late = behind_ns > least_ns
    members, _, number = grouped(member[own])
    size = np.bincount(number, minlength=members.size)
    often = 2 * np.bincount(number[late], minlength=members.size) > size
    found = []
    for at in np.flatnonzero(often & (size >= SAMPLES_MIN)).tolist():
        rows = np.flatnonzero(late & (number == at))
        intended_ns = messages.intended_ns[message[own[rows]]]
        if int(intended_ns.max() - intended_ns.min()) >= SPAN_NS:
            middle = rows[np.argsort(behind_ns[rows], kind="stable")[(rows.size - 1) // 2]]
            user, conv = int(expected.user[counted[own[middle]]]), int(members[at] >> 32)
            found.append(
                LateMember(user, conv, int(size[at]), int(own[middle]), int(behind_ns[middle]))
            )
    return found
