"""The strongly connected components of a graph: for checks that search for cycles.

Tarjan, "Depth-first search and linear graph algorithms", 1972; here without recursion, in O(V+E).
"""

from collections.abc import Iterator

Graph = dict[int, list[int]]


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
