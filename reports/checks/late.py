"""late: one conversation or one receiver is served much later than all others.

Percentiles over all deliveries hide a conversation of many that is always late. The check compares
the median delays of conversations, and those of receivers, with each other. A delay is the time
from the first attempt to the presentation; deliveries count whose receiver was not away on purpose
and which met, between the intended time and the presentation, neither a fault nor the time that is
allowed for its recovery: what was under way when a fault began is late for a known reason.

A median is late if it is above both `_LEAST_NS` and `FACTOR` times the median of the medians: a
system in which everything is late concerns the objectives, and a single late message concerns
`undelivered`. Most deliveries of the group must stand out in two further ways:

- They are that much later than what others received of the same second: if the load or its machine
  stalls for some seconds, all that is received then is late.
- Large rooms need some time to serve all members (`_slow_messages`). So those of a receiver are
  that much later than those of other receivers of the same messages, and those of a conversation do
  not reach its members one after the other.

A conversation with a late receiver is judged by its deliveries to the others. A receiver who is
late in one conversation only is compared with the others who receive the same messages
(`_late_members`), also by `FACTOR`.

In an imported history whose clocks may differ by some error, each delay may be that much shorter or
longer. A delay is late if it is so in the best case: without the error, and compared with usual
delays that are longer by the error.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._late_members import LateMember, late_members
from gauntlet.reports.checks._slow_messages import FACTOR, are_slow_to_all, are_spread, late_from_ns
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Bools, Ints, find, grouped, ints, stable_order
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency, windows

_LEAST_NS = NS_PER_S
_SAMPLES_MIN = 5  # of a conversation or a receiver
_GROUPS_MIN = 3  # the one that is late and at least two others

KIND = CheckKind(
    "late",
    "one conversation or receiver is served much later than all others",
    aspect="loss",
    required=True,
    # The one that is late, and two with which it is compared.
    examined_min=_GROUPS_MIN,
)


@dataclass(frozen=True)
class _Late:
    """A group of deliveries: its key, its size, and its delivery with the median delay."""

    key: int
    size: int
    at: int
    delay_ns: int


@dataclass(frozen=True)
class _Comparison:
    """How many groups could be compared, which are late, and the usual delay."""

    compared: int
    late: tuple[_Late, ...]
    usual_ns: int


class Groups(NamedTuple):
    """The size of each group of deliveries, and how many of them took longer than `_LEAST_NS`."""

    key: Ints
    size: Ints
    slow: Ints


class Served(NamedTuple):
    """The deliveries of a part of the history by receiver and by conversation.

    `late_members`: a receiver may be late in one of the conversations.
    """

    receivers: Groups
    conversations: Groups
    late_members: bool = False


def served(history: History) -> Served:
    """Return the deliveries that count, by receiver and by conversation."""
    counted, delay_ns = _delays(history)
    slow = delay_ns > _LEAST_NS
    message = history.expected.message[counted]
    return Served(
        _grouped(history.expected.user[counted], slow),
        _grouped(history.messages.conv[message], slow),
        any(True for _ in late_members(history, counted, delay_ns, _LEAST_NS)),
    )


def is_any_slow(history: History) -> bool:
    """Return whether more than half of the deliveries to a session took more than `_LEAST_NS`."""
    counted, delay_ns = _delays(history)
    slow = delay_ns > _LEAST_NS
    groups = _grouped(history.expected.session[counted], slow)
    return bool((2 * groups.slow > groups.size).any())


def _grouped(key: Ints, slow: npt.NDArray[Any], size: Ints | None = None) -> Groups:
    """Return the sums of numbers by key; without sizes, each row counts once."""
    keys, _, at = grouped(key)

    def added(weights: npt.NDArray[Any]) -> Ints:
        return ints(np.bincount(at, weights=weights, minlength=keys.size))

    sizes = np.bincount(at, minlength=keys.size) if size is None else added(size)
    return Groups(keys, sizes, added(slow) if slow.any() else np.zeros_like(sizes))


def check_parts(parts: Sequence[Served]) -> Finding | None:
    """Return the finding for a history that is judged in parts, None if a group may be late.

    A median is not late unless more than half of the group are slower than `_LEAST_NS`. Only if
    that is the case, it has to be compared with the medians of all others.
    """
    if any(part.late_members for part in parts):
        return None
    compared = 0
    for family in (
        [part.receivers for part in parts],
        [part.conversations for part in parts],
    ):
        columns = (np.concatenate(column) for column in zip(*family, strict=True))
        key, size, slow = columns
        groups = _grouped(key, slow, size)
        enough = groups.size >= _SAMPLES_MIN
        if enough.sum() >= _GROUPS_MIN:
            if (2 * groups.slow > groups.size)[enough].any():
                return None
            compared += int(enough.sum())
    return _finding(compared, [])


def check(history: History) -> Finding:
    expected = history.expected
    counted, delay_ns = _delays(history)
    message, user = expected.message[counted], ints(expected.user[counted])
    intended_ns = history.messages.intended_ns[message]
    error_ns = history.events.clock_error_ns
    receivers = _compare(
        user,
        delay_ns,
        intended_ns,
        lambda own: are_slow_to_all(message, user, delay_ns, own, error_ns),
        error_ns,
    )
    others = np.flatnonzero(~np.isin(user, [each.key for each in receivers.late]))
    to_others, others_ns = message[others], delay_ns[others]
    conversations = _compare(
        ints(history.messages.conv[to_others]),
        others_ns,
        intended_ns[others],
        lambda own: are_spread(to_others, others_ns, own, error_ns),
        error_ns,
    )
    witnesses = [
        _witness(history, f"{history.names.user(each.key)} received", each, receivers, counted)
        for each in receivers.late
    ] + [
        _witness(
            history,
            f"The members of {history.names.conv(each.key)} received",
            each,
            conversations,
            counted[others],
        )
        for each in conversations.late
    ]
    least_ns = int(late_from_ns(receivers.usual_ns, error_ns, _LEAST_NS))
    known = {each.key for each in receivers.late}, {each.key for each in conversations.late}
    witnesses += [
        _member_witness(history, each, int(counted[each.at]))
        for each in late_members(history, counted, delay_ns, least_ns)
        if receivers.compared and each.user not in known[0] and each.conv not in known[1]
    ]
    return _finding(receivers.compared + conversations.compared, witnesses)


def _finding(compared: int, witnesses: list[Witness]) -> Finding:
    return Finding(
        examined=compared,
        subject="receivers and conversations",
        statement="{count} of {examined} {subject} {were} served more than "
        f"{FACTOR} times later than usual.",
        count=len(witnesses),
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        not_applicable=""
        if compared
        else f"Fewer than {_GROUPS_MIN} receivers or conversations have {_SAMPLES_MIN} deliveries "
        "outside of faults, so there is nothing to compare.",
    )


def _delays(history: History) -> tuple[Ints, Ints]:
    """Return the indices of the expected deliveries that count, and their delays."""
    expected, messages = history.expected, history.messages
    intended_ns = messages.intended_ns[expected.message]
    calm = windows.undisturbed(history.events, history.scenario)
    returned_ns = history.once(latency.returned_before_delivery)
    undisturbed = calm.avoids_exclusions(intended_ns, expected.presented_ns)
    counted = np.flatnonzero(~expected.own & ~expected.missing & (returned_ns == 0) & undisturbed)
    begun_ns = messages.first_attempt_ns[expected.message[counted]]
    # The importer has moved the attempts back.
    begun_ns = begun_ns + history.events.clock_error_ns
    return counted, expected.presented_ns[counted] - begun_ns


def _compare(
    group: Ints,
    delay_ns: Ints,
    intended_ns: Ints,
    excused: Callable[[Ints], Bools],
    error_ns: int = 0,
) -> _Comparison:
    """Compare the median delays of groups of deliveries.

    `excused` returns which deliveries, given by their indices, do not make their group late.
    """
    order = stable_order(group, delay_ns)
    keys, start, size = np.unique(group[order], return_index=True, return_counts=True)
    enough = size >= _SAMPLES_MIN
    keys, start, size = keys[enough], start[enough], size[enough]
    if keys.size < _GROUPS_MIN:
        return _Comparison(0, (), 0)
    at = order[start + (size - 1) // 2]
    median_ns = delay_ns[at]
    usual_ns = int(np.median(median_ns))
    least_ns = int(late_from_ns(usual_ns, error_ns, _LEAST_NS))
    late = np.flatnonzero(median_ns > least_ns)
    if late.size:
        stands_out = _stand_out(
            keys[late], group, delay_ns, intended_ns, least_ns, excused, error_ns
        )
        late = late[stands_out]
    return _Comparison(
        int(keys.size),
        tuple(_Late(int(keys[n]), int(size[n]), int(at[n]), int(median_ns[n])) for n in late),
        usual_ns,
    )


def _stand_out(
    late: Ints,
    group: Ints,
    delay_ns: Ints,
    intended_ns: Ints,
    least_ns: int,
    excused: Callable[[Ints], Bools],
    error_ns: int = 0,
) -> Bools:
    """Return which of the late groups are late also in comparison with others of the same second.

    In a second of which nothing else was received, `least_ns` alone counts.
    """
    which, second = find(late, group), intended_ns // NS_PER_S
    own, others = np.flatnonzero(which >= 0), np.flatnonzero(which < 0)
    order = others[stable_order(second[others], delay_ns[others])]
    seconds, start, size = np.unique(second[order], return_index=True, return_counts=True)
    # The additional last entry is for seconds without others (-1).
    usual_ns = np.append(delay_ns[order[start + (size - 1) // 2]], 0)
    of_second_ns = late_from_ns(usual_ns[find(seconds, second[own])], error_ns)
    slow = delay_ns[own] > np.maximum(least_ns, of_second_ns)
    slow &= ~excused(own)
    sizes, slows = (np.bincount(which[rows], minlength=late.size) for rows in (own, own[slow]))
    found: Bools = 2 * slows > sizes
    return found


def _witness(
    history: History, subject: str, late: _Late, comparison: _Comparison, counted: Ints
) -> Witness:
    expected, at = history.expected, int(counted[late.at])
    message = int(expected.message[at])
    return Witness(
        f"{subject} half of {late.size:,} deliveries at least {format_s(late.delay_ns / NS_PER_S)} "
        f"after they were sent, such as {history.title(message)}; usual are "
        f"{format_s(comparison.usual_ns / NS_PER_S)}.",
        (message,),
        int(expected.user[at]),
        (int(expected.record[at]),),
        session=int(expected.session[at]),
    )


def _member_witness(history: History, late: LateMember, at: int) -> Witness:
    expected = history.expected
    message, session = int(expected.message[at]), int(expected.session[at])
    return Witness(
        f"{history.names.user(late.user)} received more than half of {late.size:,} messages of "
        f"{history.names.conv(late.conv)} much later than its other members, such as "
        f"{history.title(message)} by {format_s(late.behind_ns / NS_PER_S)}.",
        (message,),
        late.user,
        (int(expected.record[at]),),
        session=session,
    )
