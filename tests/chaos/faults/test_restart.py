"""restart, on a fake stack whose components get a new process at each start."""

import threading
from collections import Counter

import msgspec
import pytest

from gauntlet.chaos.faults import _processes
from gauntlet.chaos.faults.base import FaultFailed, poll
from gauntlet.chaos.faults.restart import Restart
from gauntlet.core.errors import StackError


@pytest.fixture
def control(stack, monkeypatch):
    """The control API of the fake stack, with pids that change."""
    real, starts = stack.control, Counter()
    components, start = real.components, real.start

    def count_start(name):
        starts[name] += 1
        start(name)

    def with_pids():
        return {
            name: msgspec.structs.replace(each, pid=each.pid + 1_000 * starts[name])
            for name, each in components().items()
        }

    monkeypatch.setattr(real, "start", count_start)
    monkeypatch.setattr(real, "components", with_pids)
    monkeypatch.setattr(_processes, "process_state", lambda _: "running")
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    return real


def test_a_component_is_killed_and_started_once(stack, spec, control):
    fault = Restart(spec("restart", "gateway"))
    assert fault.inject(stack.context) == {"components": ["gateway-1"]}
    assert fault.prove(stack.context) == {"gateway-1": {"pids": [100, 1_100]}}
    for _ in range(2):
        assert fault.heal(stack.context) == {"restarts": 1}
        assert fault.verify(stack.context) == {"gateway-1": "up"}
    assert control.calls == [("kill", "gateway-1"), ("start", "gateway-1")]


def test_components_are_restarted_again_and_again_until_the_heal(stack, spec, control):
    fault = Restart(spec("restart", "gateway", count=2, every="10ms"))
    fault.inject(stack.context)
    poll(lambda: len(control.calls) >= 12 or None, 10)
    restarts = fault.heal(stack.context)["restarts"]
    assert restarts >= 3
    calls = list(control.calls)
    one = [(verb, name) for name in ("gateway-1", "gateway-2") for verb in ("kill", "start")]
    assert calls == one * restarts
    assert poll(lambda: control.calls != calls or None, 0.1) is None
    assert fault.verify(stack.context) == {"gateway-1": "up", "gateway-2": "up"}


def test_a_component_that_kept_its_process_is_no_proof(stack, spec, control, monkeypatch):
    monkeypatch.setattr(control, "start", lambda name: control.states.update({name: "up"}))
    fault = Restart(spec("restart", "gateway"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof == {"gateway-1": {"pids": [100, 100]}}


def test_a_fault_that_ends_before_the_second_restart_has_failed(stack, spec, control):
    """It was to act repeatedly."""
    fault = Restart(spec("restart", "gateway", every="60s"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="ended before"):
        fault.heal(stack.context)
    stack.context.stop.set()  # the user has ended the run early
    assert fault.heal(stack.context) == {"restarts": 1}


def test_a_restart_that_fails_is_reported_and_the_component_started(
    stack, spec, control, monkeypatch
):
    start, failing = control.start, threading.Event()

    def start_or_fail(name):
        if failing.is_set():
            failing.clear()
            control.states[name] = "exited"
            raise StackError("no answer")
        start(name)

    monkeypatch.setattr(control, "start", start_or_fail)
    fault = Restart(spec("restart", "gateway", every="10ms"))
    fault.inject(stack.context)
    failing.set()
    poll(lambda: not failing.is_set() or None, 10)
    with pytest.raises(FaultFailed, match=r"no restart after number \d+: no answer"):
        fault.heal(stack.context)
    assert control.states["gateway-1"] == "up"


def test_heal_without_inject_does_nothing(stack, spec):
    fault = Restart(spec("restart", "gateway", every="1s"))
    assert fault.heal(stack.context) == {"restarts": 0}
    assert fault.verify(stack.context) == {}
    assert stack.control.calls == []
