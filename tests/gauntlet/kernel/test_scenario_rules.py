"""Which targets a fault can be aimed at."""

import pytest

from gauntlet.kernel import vocabulary
from gauntlet.kernel.scenario import from_builtins
from gauntlet.kernel.scenario_rules import problems, role_of, target_fits


@pytest.mark.parametrize(
    ("target", "role"),
    [
        ("edge-blue-1", "edge"),
        ("gateway-2", "gateway"),
        ("messages-db", "messages-db"),
        ("edge", "edge"),
        ("edgy", "edgy"),
        ("gateway-x", "gateway-x"),
    ],
)
def test_a_component_belongs_to_its_role(target, role):
    """Names of components are read by their documented pattern only."""
    assert role_of(target) == role


@pytest.mark.parametrize(
    ("kind", "target", "fits"),
    [
        ("kill", "gateway-1", True),
        ("kill", "client>edge", False),
        ("latency", "edge>broker", True),
        ("latency", "broker", False),
        ("latency", "nobody>broker", False),
        ("disconnect", "client>edge-blue-1", True),
        ("disconnect", "edge>broker", False),
        ("cutover", "edge", True),
        ("broker-failure", "gateway", False),
    ],
)
def test_faults_accept_only_targets_they_can_act_on(kind, target, fits):
    """A fault that could not act is refused before anything starts."""
    assert target_fits(target, vocabulary.FAULTS[kind].targets) is fits


def problem(system=None, **fault):
    """What is wrong with a scenario with this target and this fault: (path, found, allowed)."""
    plain = {
        "version": 1, "name": "x", "about": "x", "target": system or {},
        "faults": [{"id": "f", "at": "1s", **fault}] if fault else [],
    }  # fmt: skip
    return [tuple(it) for it in problems(from_builtins(plain))]


@pytest.mark.parametrize("key", ["queue_max", "backlog_max"])
def test_a_backlog_has_room_for_one(key):
    """A bound of nothing would miss every arrival."""
    plain = {"version": 1, "name": "x", "about": "x", "load": {key: 0}}
    assert [tuple(it) for it in problems(from_builtins(plain))] == [
        (("load", key), "0", "1 or more")
    ]


def test_a_layout_is_one_of_those_there_are():
    """A word that the cluster would refuse is refused here, with those that it takes."""
    assert problem({"layout": "split"}) == []
    assert problem({"layout": "heap"}) == [(("target", "layout"), "heap", "default, split, single")]


def test_an_adapter_is_a_name_or_a_place():
    """One that is not in this tree speaks to no stack of ours."""
    external = {"stack": "external", "url": ["ws://127.0.0.1:1"]}
    assert problem({"adapter": "acme_im.adapter:Acme", **external}) == []
    ((path, found, allowed),) = problem({"adapter": "acme", **external})
    assert (path, found) == (("target", "adapter"), "acme")
    assert allowed == "reference, xmpp, package.module:Class"
    ((path, _, allowed),) = problem({"adapter": "acme_im.adapter:Acme"})
    assert (path, allowed) == (("target", "stack"), "external")


def test_a_fault_that_only_one_stack_knows_is_refused_on_another():
    """RabbitMQ's alarm on a Redis would only fail later."""
    block = {"kind": "block", "target": "broker"}
    assert problem({"stack": "full"}, **block) == []
    ((path, found, allowed),) = problem({"stack": "embedded"}, **block)
    assert path == ("faults", 0, "kind")
    assert (found, allowed) == ("block on the stack embedded", "the stack full")


@pytest.mark.parametrize(
    ("params", "fine"),
    [
        ({"end": "rolled-back", "rollback_after": "2s", "broken": True}, True),
        ({"end": "sideways"}, False),
        ({"rollback_after": "soon"}, False),
        ({"broken": "yes"}, False),
    ],
)
def test_params_are_of_their_kind(params, fine):
    """Choices, durations and flags."""
    assert (problem(kind="cutover", target="edge", params=params) == []) is fine
