"""Which late deliveries their message explains, so that neither receiver nor conversation is late.

A large room may need some time to serve all of its members. A user who gets messages only there has
a long median, although they are served in time for that room. So has the room itself, although it
begins to serve its members at once.
"""

import numpy as np

from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    contains,
    distinct,
    find,
    pair,
    stable_order,
)

FACTOR = 10  # how many times later than others a late delivery is
_STEPS = 3  # a step of a third of the median is a wait, not the time that one more member takes


def late_from_ns(usual_ns: Ints | int, error_ns: int, least_ns: int = 0) -> Ints:
    """Return above which delay a delivery is `FACTOR` times later than usual.

    Each delay may be wrong by the error of the clocks: the late one too long, the usual too short.
    """
    limit_ns: Ints = np.maximum(least_ns, FACTOR * (usual_ns + error_ns))
    return limit_ns + error_ns


def usual_ns(message: Ints, delay_ns: Ints, own: Ints) -> Ints:
    """Return the median delay of the message of each own delivery: of two, the shorter one."""
    messages = distinct(message[own])
    compared = np.flatnonzero(contains(messages, message))
    order = compared[stable_order(message[compared], delay_ns[compared])]
    _, start, size = np.unique(message[order], return_index=True, return_counts=True)
    median_ns = delay_ns[order[start + (size - 1) // 2]]
    found: Ints = median_ns[find(messages, message[own])]
    return found


def are_slow_to_all(
    message: Ints, user: Ints, delay_ns: Ints, own: Ints, error_ns: int = 0
) -> Bools:
    """Return which own deliveries are not `FACTOR` times later than usual for their message.

    A message that only one user received has no usual delay.
    """
    compared = np.flatnonzero(contains(distinct(message[own]), message))
    received = distinct(pair(message[compared], user[compared])) >> 32
    shared = distinct(received[1:][received[1:] == received[:-1]])
    usual = delay_ns[own] <= late_from_ns(usual_ns(message, delay_ns, own), error_ns)
    return contains(shared, message[own]) & usual


def are_spread(message: Ints, delay_ns: Ints, own: Ints, error_ns: int = 0) -> Bools:
    """Return which own deliveries are of a message whose receivers are served one after the other.

    In the order of their delays, each of the faster half comes soon after the one before, and the
    first one soon after the message was sent. `own` has all deliveries of these messages. A step
    may seem longer, and the median shorter, by the error of the clocks.
    """
    order = own[stable_order(message[own], delay_ns[own])]
    delays_ns = delay_ns[order]
    messages, start, size = np.unique(message[order], return_index=True, return_counts=True)
    middle = start + (size - 1) // 2
    steps_ns = np.diff(delays_ns, prepend=0)
    steps_ns[start] = delays_ns[start]
    steps_ns[np.arange(order.size) > np.repeat(middle, size)] = 0
    longest_ns = np.maximum.reduceat(steps_ns, start) - error_ns
    spread = _STEPS * longest_ns <= delays_ns[middle] + error_ns
    found: Bools = spread[find(messages, message[own])]
    return found
