"""divergent-order: no single order of a conversation's messages is consistent with all receivers.

Each receiver's consecutive first deliveries are edges of a graph of the messages; a common order
exists if and only if the graph has no cycle. A conversation whose edges all ascend in position
needs no search. In the others, every strongly connected component of more than one message is a
violation (Tarjan, "Depth-first search and linear graph algorithms", 1972; here without recursion,
in O(V+E)).
"""

from collections.abc import Iterator

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks._shared import first_deliveries
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Ints, pair
from gauntlet.reports.history.history import History

Graph = dict[int, list[int]]

KIND = CheckKind(
    "divergent-order",
    "two receivers saw the same messages in different orders",
    aspect="order",
    # The two users of a conversation never see the same message unless their own are echoed.
    needs=(SELF_ECHO,),
)


def check(history: History) -> Finding:
    before, after = _edges(history)
    messages = history.messages
    descending = messages.position[after] <= messages.position[before]
    suspects = np.unique(messages.conv[after[descending]])
    graph: Graph = {}
    chosen = np.isin(messages.conv[before], suspects)
    for source, target in zip(before[chosen].tolist(), after[chosen].tolist(), strict=True):
        graph.setdefault(source, []).append(target)
    cycles = [sorted(component) for component in components(graph) if len(component) > 1]
    return Finding(
        examined=before.size,
        subject="pairs of messages presented one after the other",
        statement="Receivers saw {count} {groups} of messages in contradicting orders, among "
        "{examined} {subject}.",
        count=len(cycles),
        witnesses=tuple(_witness(history, cycle) for cycle in cycles[:WITNESSES_MAX]),
    )


def _edges(history: History) -> tuple[Ints, Ints]:
    """Return distinct (earlier, later) messages that a session received one after the other."""
    message, session = first_deliveries(history)
    conv = history.messages.conv[message]
    _, reading = np.unique(pair(session, conv), return_inverse=True)
    order = np.argsort(reading, kind="stable")
    message, reading = message[order], reading[order]
    follows = reading[1:] == reading[:-1]
    edges = np.unique(pair(message[:-1][follows], message[1:][follows]))
    return edges >> 32, edges & 0xFFFFFFFF


def components(graph: Graph) -> Iterator[list[int]]:
    """Yield the strongly connected components of a graph given by its successors."""
    search = _Search(graph)
    for root in graph:
        if root not in search.index:
            yield from search.below(root)


class _Search:
    """A depth-first search: `index` numbers nodes in the order of their discovery.

    `_low` is the lowest index of an open node that each node reaches.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.index: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: list[int] = []  # discovered, and not yet in a component
        self._is_open: set[int] = set()

    def below(self, root: int) -> Iterator[list[int]]:
        """Yield the components that are complete once everything below `root` is searched."""
        path = [self._enter(root)]
        while path:
            node, successors = path[-1]
            fresh = self._next_fresh(node, successors)
            if fresh is not None:
                path.append(self._enter(fresh))
                continue
            path.pop()
            if path:
                parent = path[-1][0]
                self._low[parent] = min(self._low[parent], self._low[node])
            if self._low[node] == self.index[node]:
                yield self._close(node)

    def _enter(self, node: int) -> tuple[int, Iterator[int]]:
        self.index[node] = self._low[node] = len(self.index)
        self._open.append(node)
        self._is_open.add(node)
        return node, iter(self._graph.get(node, ()))

    def _next_fresh(self, node: int, successors: Iterator[int]) -> int | None:
        for successor in successors:
            if successor not in self.index:
                return successor
            if successor in self._is_open:
                self._low[node] = min(self._low[node], self.index[successor])
        return None

    def _close(self, node: int) -> list[int]:
        component: list[int] = []
        while not component or component[-1] != node:
            component.append(self._open.pop())
        self._is_open.difference_update(component)
        return component


def _witness(history: History, cycle: list[int]) -> Witness:
    titles = ", ".join(history.title(message) for message in cycle[:3])
    more = f" and {len(cycle) - 3} more" if len(cycle) > 3 else ""
    return Witness(
        f"Receivers disagree about the order of {titles}{more}: each of them was delivered to some "
        "receiver before the others.",
        tuple(cycle[:3]),
    )
