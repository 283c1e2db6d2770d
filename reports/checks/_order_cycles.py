"""Contradictions between the orders in which messages were sent and seen: for two checks.

The messages of a conversation are the nodes of a graph. Its edges are

- two messages that a session received one after the other (its first deliveries), and
- the last message that a session had received before it sent a message, and that message: a reply
  follows what it answers.

Some order of the messages agrees with all of them if and only if the graph has no cycle. An order
that is known to ascend along all edges of a conversation proves that: of positions, or of the times
of the first attempts. Only where neither does, the strongly connected components are searched.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks._components import Graph, components
from gauntlet.reports.checks._shared import first_deliveries
from gauntlet.reports.history.arrays import Ints, distinct, equal, grouped, ints, pair, stable_order
from gauntlet.reports.history.history import History


class Overtaken(NamedTuple):
    """A session received `reply` before `earlier`, which the sender of the reply had received.

    `session` is -1 if no session received both, and the contradiction has further messages.
    """

    earlier: int
    reply: int
    session: int


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


def find_cycles(history: History) -> Orders:
    """Return the contradictions between the orders of all sessions and senders."""
    return history.once(_find_cycles)


def _find_cycles(history: History) -> Orders:
    delivered, answered = _delivered(history), _answered(history)
    edges = _Edges(
        np.concatenate([delivered.earlier, answered.earlier]),
        np.concatenate([delivered.later, answered.later]),
    )
    messages = history.messages
    suspects = np.intersect1d(
        _descending(history, edges, messages.position),
        _descending(history, edges, messages.first_attempt_ns),
    )
    chosen = np.isin(messages.conv[edges.earlier], suspects)
    graph = _graph(_Edges(edges.earlier[chosen], edges.later[chosen]))
    cycles = [
        Cycle(sorted(component), None) for component in components(graph) if len(component) > 1
    ]
    if cycles:
        cycles = list(_explained(history, cycles, delivered, answered))
    return Orders(delivered.earlier.size, answered.earlier.size, cycles)


def _delivered(history: History) -> _Edges:
    """Return distinct (earlier, later) messages that a session received one after the other."""
    message, session = first_deliveries(history)
    reading = grouped(pair(session, history.messages.conv[message])).of_row
    order = stable_order(reading)
    message, reading = message[order], reading[order]
    follows = reading[1:] == reading[:-1]
    return _distinct(message[:-1][follows], message[1:][follows])


def _answered(history: History) -> _Edges:
    """Return (last message received before, message sent) for each message of a session."""
    records, messages = history.records, history.messages
    presentations = history.presentations
    ops = np.flatnonzero(equal(records["kind"], Kind.OP) & (messages.of_record >= 0))
    sent = messages.of_record[ops]
    received = presentations.message[presentations.first]
    message = np.concatenate([sent, received])
    session = np.concatenate([history.session[ops], presentations.session[presentations.first]])
    shown_ns = ints(records["t_ns"][presentations.record[presentations.first]])
    t_ns = np.concatenate([messages.first_attempt_ns[sent], shown_ns])
    is_sent = np.arange(message.size) < sent.size
    reading = grouped(pair(session, messages.conv[message])).of_row
    # At the same time, the attempt comes first: what is received then was not known before.
    order = stable_order(reading, t_ns, ~is_sent)
    message, reading, is_sent = message[order], reading[order], is_sent[order]
    latest = np.maximum.accumulate(np.where(is_sent, -1, np.arange(message.size)))
    known = is_sent & (latest >= 0) & (reading[latest] == reading)
    return _distinct(message[latest[known]], message[known])


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
        for session, place in seen[reply].items():
            if place < seen[earlier].get(session, -1):
                overtaken[at] = Overtaken(earlier, reply, session)
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
    """Return for each wanted message where it is in the order of each session that received it."""
    message, session = first_deliveries(history)
    chosen = np.isin(message, np.array(sorted(wanted), dtype=np.int64))
    seen: dict[int, dict[int, int]] = {number: {} for number in wanted}
    places = np.flatnonzero(chosen)
    for place, number, receiver in zip(
        places.tolist(), message[places].tolist(), session[places].tolist(), strict=True
    ):
        seen[number][receiver] = place
    return seen
