"""The toxics of a fault: added, removed, verified as gone."""

import contextlib

import pytest

from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.clients.toxiproxy import ProxyError
from gauntlet.chaos.faults import _toxics
from gauntlet.chaos.faults._toxics import FaultToxics
from gauntlet.chaos.faults.latency import Latency
from gauntlet.chaos.faults.partition import Partition
from gauntlet.core.errors import RollbackError


def test_a_toxic_whose_addition_was_not_answered_is_removed_too(stack, spec):
    """The server may have added it although the answer was lost."""
    toxics = FaultToxics(spec("latency", "edge>broker"))
    stack.proxy.failing_call = "add"
    with pytest.raises(ProxyError):
        toxics.add(stack.context, "latency", {})
    toxics.remove()
    assert ("remove", "edge>broker", "f-downstream") in stack.proxy.calls


def test_a_toxic_that_is_there_already_is_not_added_again(stack, spec, monkeypatch):
    """An error of any other kind is one."""
    toxics = FaultToxics(spec("latency", "edge>broker"))
    for status in (409, 500):

        def fail(*_args, status=status):
            raise ProxyError("no", status)

        monkeypatch.setattr(stack.proxy, "add_toxic", fail)
        with contextlib.nullcontext() if status == 409 else pytest.raises(ProxyError):
            toxics.add(stack.context, "latency", {})


def test_a_removal_that_is_not_answered_does_not_count_as_healed(stack, spec):
    """Only `toxic not found` counts as removed."""
    toxics = FaultToxics(spec("latency", "edge>broker"))
    toxics.add(stack.context, "latency", {"latency": 1})
    stack.proxy.failing_call = "remove"
    with pytest.raises(ProxyError):
        toxics.remove()


def test_a_fault_whose_toxic_stays_is_not_healed(stack, spec, monkeypatch):
    """Even if the link answers."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    fault = Latency(spec("latency", "edge>broker", latency="1ms"))
    fault.inject(stack.context)
    with pytest.raises(RollbackError, match="edge>broker"):
        fault.verify(stack.context)


def test_a_fault_whose_link_stays_silent_is_not_healed(stack, spec, monkeypatch):
    """A component that is up must answer through its link."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    silent = stack.probe("redis", "client>edge-green-1", 1.0)
    monkeypatch.setattr(_toxics.link_probe, "probe", lambda *_: silent)
    with pytest.raises(RollbackError, match="no answer"):
        fault.verify(stack.context)


def test_a_link_under_another_fault_need_not_answer(stack, spec):
    """Faults may overlap: the first is healed while the second still silences the link."""
    first = Partition(spec("partition", "edge>broker", id="first"))
    second = Partition(spec("partition", "edge>broker", id="second"))
    first.inject(stack.context)
    second._toxics.add(stack.context, "timeout", {"timeout": 0})
    first.heal(stack.context)
    assert first.verify(stack.context) == {"probe": {"edge>broker": "still under another fault"}}


@pytest.mark.parametrize(
    ("toxic", "attributes", "toxicity", "silent"),
    [
        ("timeout", {"timeout": 0}, 1.0, True),
        ("timeout", {"timeout": 0}, 0.5, False),
        ("refuse", {}, 1.0, True),
        ("bandwidth", {"rate": 0}, 1.0, True),
        ("bandwidth", {"rate": 10}, 1.0, False),
        ("limit_data", {"bytes": 0}, 1.0, True),
        ("limit_data", {"bytes": 9}, 1.0, False),
        ("latency", {"latency": 9}, 1.0, False),
        ("latency", {"latency": 900}, 1.0, False),
        ("latency", {"latency": 1100}, 1.0, True),  # in each direction: no probe waits so long
        ("latency", {"latency": 5000, "jitter": 4500}, 1.0, False),
        ("latency", {"latency": 5000}, 0.5, False),
    ],
)
def test_only_a_toxic_of_another_fault_that_lets_nothing_pass_silences_a_link(
    stack, spec, toxic, attributes, toxicity, silent
):
    other, own = (FaultToxics(spec("latency", "edge>broker", id=name)) for name in ("other", "own"))
    other.add(stack.context, toxic, attributes, toxicity=toxicity)
    assert own.silenced(stack.context) == ({"edge>broker"} if silent else set())
    assert other.silenced(stack.context) == set()


def test_a_link_to_a_component_that_accepts_no_connection_need_not_answer(stack, spec, monkeypatch):
    """The fault that keeps the component from it verifies its own heal."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    silent = ProbeResult(None, "no answer within 1000 ms", silent=True)
    fault = Partition(spec("partition", "edge>broker", id="own"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    monkeypatch.setattr(_toxics.link_probe, "probe", lambda *_: silent)
    stack.context.refusing.add(("other", "broker"))
    assert FaultToxics(spec("latency", "edge>broker")).silenced(stack.context) == {"edge>broker"}
    assert fault.verify(stack.context) == {
        "probe": {"edge>broker": "its component accepts no connection under another fault"}
    }
    for others in ({("other", "registry")}, {("own", "broker")}):
        stack.context.refusing.clear()
        stack.context.refusing.update(others)
        with pytest.raises(RollbackError, match="no answer"):
            fault.verify(stack.context)


def test_a_proxy_that_does_not_answer_leaves_no_link_silenced(stack, spec, monkeypatch):
    def unanswered(_):
        raise ProxyError("no answer")

    monkeypatch.setattr(stack.proxy, "toxics", unanswered)
    assert FaultToxics(spec("latency", "edge>broker")).silenced(stack.context) == set()


def test_a_link_to_a_dead_component_need_not_answer(stack, spec):
    """The fault that holds the component down brings it back."""
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    stack.control.states["broker"] = "held"
    assert fault.verify(stack.context) == {"probe": {"edge>broker": "its component is not up"}}
