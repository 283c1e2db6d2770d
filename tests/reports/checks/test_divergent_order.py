"""Cycles in the order of messages are found exactly."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reports.checks._components import components

NODES = range(7)
EDGES = st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)))


def reachable(edges, start):
    """Return every node that can be reached in one step or more."""
    found, frontier = set(), {start}
    while frontier:
        frontier = {target for source, target in edges if source in frontier} - found
        found |= frontier
    return found


@given(EDGES)
def test_components_contain_the_nodes_that_reach_each_other(edges):
    """Compared with the definition of a strongly connected component."""
    graph = {}
    for source, target in edges:
        graph.setdefault(source, []).append(target)
    found = {frozenset(component) for component in components(graph)}
    nodes = {node for edge in edges for node in edge}
    expected = {
        frozenset(
            {node}
            | {
                other
                for other in nodes
                if other in reachable(edges, node) and node in reachable(edges, other)
            }
        )
        for node in nodes
    }
    assert found == expected


def test_a_cycle_longer_than_the_recursion_limit_is_found():
    graph = {node: [node + 1] for node in range(50_000)}
    graph[50_000] = [0]
    (cycle,) = components(graph)
    assert len(cycle) == 50_001
