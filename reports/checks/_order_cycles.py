"""Contradictions between the orders in which messages were sent and seen: for two checks.

The messages of a conversation are the nodes of a graph. Its edges are

- two messages that a session received one after the other (its first deliveries), or that a page
  of history lists so, if the direction of pages is known, and
- the last message that a session had received before it sent a message, and that message: a reply
  follows what it answers.

Some order of the messages agrees with all of them if and only if the graph has no cycle. An order
that is known to ascend along all edges of a conversation proves that: of positions, or of the times
of the first attempts. Only where neither does, the strongly connected components are searched.

Pages whose direction is not known can be compared with each other only. Where a system does not
promise all receivers the same order (SELF_ECHO), pages may differ, too: then only those are part of
the graph that list a reply before what it answers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Channel, Kind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks._components import Graph, components
from gauntlet.reports.checks._listings import (
    first_presentations,
    in_some_direction,
    oldest_first,
)
from gauntlet.reports.checks._pages import Listings
from gauntlet.reports.history.arrays import (
    Ints,
    distinct,
    equal,
    find,
    grouped,
    ints,
    pair,
    sorted_groups,
    stable_order,
)
from gauntlet.reports.history.history import History

_KEY_BITS = 62


class Overtaken(NamedTuple):
    """A reader was shown `reply` before `earlier`, which the sender of the reply had received.

    `reader` is one of `first_presentations`. It is -1 if none was shown both, and the contradiction
    has further messages.
    """

    earlier: int
    reply: int
    reader: int


class Cycle(NamedTuple):
    """Messages whose order contradicts itself, and a reply that shows it, if one does."""

    messages: list[int]
    overtaken: Overtaken | None


class Orders(NamedTuple):
    """How many pairs of messages were compared, and the cycles among them."""

    delivered: int
    answered: int
    cycles: list[Cycle]


class _Edges(NamedTuple):
    earlier: Ints
    later: Ints


class _Readings(NamedTuple):
    """First presentations by reading, which is what one session received of one conversation.

    `at` has their indices, in record order within each reading, and `number` the reading of each.
    `keys` are the sorted keys (session, conversation) of the readings.
    """

    at: Ints
    number: Ints
    keys: Ints


def find_cycles(history: History) -> Orders:
    """Return the contradictions between the orders of all sessions and senders."""
    return history.once(_find_cycles)


def _find_cycles(history: History) -> Orders:
    readings = _readings(history)
    answered = _answered(history, readings)
    delivered = _delivered(history, readings, _comparable(history, answered))
    edges = _Edges(
        np.concatenate([delivered.earlier, answered.earlier]),
        np.concatenate([delivered.later, answered.later]),
    )
    cycles = _cycles(history, edges)
    if cycles:
        cycles = list(_explained(history, cycles, delivered, answered))
    compared = delivered.earlier.size
    apart = in_some_direction(history)
    if apart.page.size and SELF_ECHO in history.capabilities:
        edges = _distinct(*_neighbours(apart.page, apart.message))
        cycles += _cycles(history, edges)
        compared += edges.earlier.size
    return Orders(compared, answered.earlier.size, cycles)


def _cycles(history: History, edges: _Edges) -> list[Cycle]:
    """Return the strongly connected messages of the conversations in which no order is known."""
    messages = history.messages
    suspects = np.intersect1d(
        _descending(history, edges, messages.position),
        _descending(history, edges, messages.first_attempt_ns),
    )
    chosen = np.isin(messages.conv[edges.earlier], suspects)
    graph = _graph(_Edges(edges.earlier[chosen], edges.later[chosen]))
    return [Cycle(sorted(component), None) for component in components(graph) if len(component) > 1]


def _comparable(history: History, answered: _Edges) -> Listings:
    """Return the pages whose order is compared with that of all receivers."""
    listed = oldest_first(history)
    if SELF_ECHO in history.capabilities or not listed.page.size:
        return listed
    before = np.full(len(history.messages), -1, dtype=np.int64)
    before[answered.later] = answered.earlier
    cause = before[listed.message]
    entries = pair(listed.page, listed.message)
    order = stable_order(entries)
    # The additional last entry is for what a page does not list (-1).
    place = np.append(order, -1)[find(entries[order], pair(listed.page, np.maximum(cause, 0)))]
    overtakes = (cause >= 0) & (place > np.arange(place.size))
    return listed.of(np.isin(listed.page, listed.page[overtakes]))


def _readings(history: History) -> _Readings:
    shown = history.presentations
    first = np.flatnonzero(shown.first)
    session, conv = shown.session[first], history.messages.conv[shown.message[first]]
    order, begins = sorted_groups(session, conv)
    begin = order[begins]
    return _Readings(first[order], np.cumsum(begins) - 1, pair(session[begin], conv[begin]))


def _delivered(history: History, readings: _Readings, listed: Listings) -> _Edges:
    """Return distinct (earlier, later) messages that a session received one after the other.

    These are the `first_deliveries`. What users requested of the history counts page by page.
    """
    shown = history.presentations
    received = np.flatnonzero(shown.channel[readings.at] != Channel.HISTORY)
    message, reading = shown.message[readings.at[received]], readings.number[received]
    earlier, later = _neighbours(reading, message)
    if listed.page.size:
        in_pages = _neighbours(listed.page, listed.message)
        earlier = np.concatenate([earlier, in_pages.earlier])
        later = np.concatenate([later, in_pages.later])
    return _distinct(earlier, later)


def _neighbours(group: Ints, message: Ints) -> _Edges:
    """Return each two messages that follow each other in a group."""
    follows = group[1:] == group[:-1]
    return _Edges(message[:-1].compress(follows), message[1:].compress(follows))


def _answered(history: History, readings: _Readings) -> _Edges:
    """Return (last message received before, message sent) for each message of a session."""
    records, messages, shown = history.records, history.messages, history.presentations
    ops = np.flatnonzero(equal(records["kind"], Kind.OP) & (messages.of_record >= 0))
    sent = messages.of_record[ops]
    if not readings.at.size:
        return _Edges(sent[:0], sent[:0])
    at, shown_ns = _by_time(readings, ints(records["t_ns"][shown.record[readings.at]]))
    of_sent = find(readings.keys, pair(history.session[ops], messages.conv[sent]))
    last = _last_before(readings.number, shown_ns, of_sent, messages.first_attempt_ns[sent])
    known = np.flatnonzero(last >= 0)
    return _distinct(shown.message[at[last[known]]], sent[known])


def _by_time(readings: _Readings, shown_ns: Ints) -> tuple[Ints, Ints]:
    """Return presentations and their times, sorted by reading, and within each by time."""
    reading = readings.number
    # They are in the order of time already, unless a conversation is spread over shards.
    back = (shown_ns[1:] < shown_ns[:-1]) & (reading[1:] == reading[:-1])
    if not back.any():
        return readings.at, shown_ns
    order = stable_order(reading, shown_ns)
    return readings.at[order], shown_ns[order]


def _last_before(reading: Ints, shown_ns: Ints, of_sent: Ints, sent_ns: Ints) -> Ints:
    """Return the last presentation of each reading before each time, -1 if there is none.

    Presentations are sorted by reading, and within each by time. What is received in the moment of
    the attempt was not known before.
    """
    earliest, latest = int(shown_ns.min()), int(shown_ns.max())
    # One number for both, if it has less than 64 bits; otherwise times are replaced by ranks.
    if (latest - earliest + 1).bit_length() + int(reading.max()).bit_length() > _KEY_BITS:
        values, _, rank = grouped(np.concatenate([shown_ns, sent_ns]))
        shown_ns, sent_ns = rank[: shown_ns.size], rank[shown_ns.size :]
        earliest, latest = 0, values.size
    span = latest - earliest + 2
    moment = np.minimum(np.maximum(sent_ns, earliest), latest + 1) - earliest
    at = np.searchsorted(reading * span + (shown_ns - earliest), of_sent * span + moment) - 1
    # Before the first presentation, `at` is -1 itself; and no presentation is of the reading -1.
    return np.where(reading[at] == of_sent, at, -1)


def _distinct(earlier: Ints, later: Ints) -> _Edges:
    # Most sessions see the same message next: of each message, one edge stands for all equal ones.
    following = np.full(int(earlier.max(initial=-1)) + 1, -1, dtype=np.int64)
    following[earlier] = later
    known = np.flatnonzero(following >= 0)
    other = following[earlier] != later
    edges = distinct(
        np.concatenate([pair(known, following[known]), pair(earlier[other], later[other])])
    )
    return _Edges(edges >> 32, edges & 0xFFFFFFFF)


def _descending(history: History, edges: _Edges, key: Ints) -> Ints:
    """Return the conversations in which some edge does not ascend in `key`."""
    descends = key[edges.later] <= key[edges.earlier]
    return distinct(history.messages.conv[edges.later[descends]])


def _graph(edges: _Edges) -> Graph:
    graph: Graph = {}
    for earlier, later in zip(edges.earlier.tolist(), edges.later.tolist(), strict=True):
        graph.setdefault(earlier, []).append(later)
    return graph


def _explained(
    history: History, cycles: list[Cycle], delivered: _Edges, answered: _Edges
) -> Iterator[Cycle]:
    """Yield each cycle with a reply that overtook what it answers, if there is one."""
    of_message = {message: at for at, cycle in enumerate(cycles) for message in cycle.messages}
    seen = _seen_at(history, of_message)
    overtaken: dict[int, Overtaken] = {}
    contained: dict[int, Overtaken] = {}
    for earlier, reply in zip(answered.earlier.tolist(), answered.later.tolist(), strict=True):
        at = of_message.get(reply)
        if at is None or at in overtaken or of_message.get(earlier) != at:
            continue
        contained.setdefault(at, Overtaken(earlier, reply, -1))
        for reader, place in seen[reply].items():
            if place < seen[earlier].get(reader, -1):
                overtaken[at] = Overtaken(earlier, reply, reader)
                break
    for at, cycle in enumerate(cycles):
        if at not in overtaken and not _diverges(cycle, delivered):
            yield cycle._replace(overtaken=contained.get(at))
        else:
            yield cycle._replace(overtaken=overtaken.get(at))


def _diverges(cycle: Cycle, delivered: _Edges) -> bool:
    """Return whether the orders of the receivers alone, without the replies, contradict."""
    inside = np.isin(delivered.earlier, cycle.messages) & np.isin(delivered.later, cycle.messages)
    graph = _graph(_Edges(delivered.earlier[inside], delivered.later[inside]))
    return any(len(component) > 1 for component in components(graph))


def _seen_at(history: History, wanted: dict[int, int]) -> dict[int, dict[int, int]]:
    """Return for each wanted message where it is in the order of each reader that was shown it."""
    message, reader = first_presentations(history)
    chosen = np.isin(message, np.array(sorted(wanted), dtype=np.int64))
    seen: dict[int, dict[int, int]] = {number: {} for number in wanted}
    places = np.flatnonzero(chosen)
    for place, number, shown_to in zip(
        places.tolist(), message[places].tolist(), reader[places].tolist(), strict=True
    ):
        seen[number][shown_to] = place
    return seen
