"""Cycles in the order of messages are found exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reports.checks._components import components

from ..small_runs import SmallRun, sentences

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


def received(*orders, messages):
    """Return a run in which u1 sends messages, and u2, u3, … receive them in these orders."""
    run = SmallRun((1, 2, 3))
    for seq in range(1, messages + 1):
        run.send(1, seq, 10 + seq)
    for user, order in enumerate(orders, 2):
        for at, seq in enumerate(order):
            run.deliver(1, seq, 20 + at, user)
    return run


@pytest.mark.parametrize(("messages", "more"), [(3, ""), (4, " and 1 more"), (5, " and 2 more")])
def test_a_witness_names_three_messages_and_counts_the_others(messages, more):
    found = received((*range(1, messages + 1),), (messages, 1), messages=messages).verdict(
        "divergent-order"
    )
    titles = ", ".join(f"message {seq} of u1 in c1" for seq in (1, 2, 3))
    assert sentences(found) == [
        (
            f"Receivers disagree about the order of {titles}{more}: each of them was delivered to "
            "some receiver before the others."
        )
    ]
    assert found.witnesses[0].messages == (0, 1, 2)
    assert (found.count, found.examined) == (1, messages)


@pytest.mark.parametrize(("messages", "outcome"), [(2, "unknown"), (3, "valid")])
def test_two_pairs_are_needed_for_a_verdict(messages, outcome):
    found = received((*range(1, messages + 1),), messages=messages).verdict("divergent-order")
    assert (found.outcome, found.examined) == (outcome, messages - 1)
