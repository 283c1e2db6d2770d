"""slow-start, on a fake stack."""

import threading
import time

import pytest

from gauntlet.chaos.faults import slow_start
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.slow_start import SlowStart
from gauntlet.core.errors import StackError


@pytest.fixture
def fault(spec, monkeypatch):
    monkeypatch.setattr(slow_start, "_TRY_EVERY_S", 0.01)
    return SlowStart(spec("slow-start", "gateway", start_delay="100ms"))


@pytest.fixture
def starts(stack, monkeypatch):
    """The delays of starts, and what a start waits for in place of its delay."""
    delays = []

    def start(name, *, delay_s=0.0):
        delays.append(delay_s)
        wait = starts_in.get(name, delay_s)
        if isinstance(wait, threading.Event):
            assert wait.wait(30)
        else:
            time.sleep(wait)
        stack.control.states[name] = "up"
        pids[name] = 9_000 + len(delays)

    starts_in, pids = {}, {}
    components = stack.control.components

    def with_new_pids():
        return {
            name: each.__class__(name, each.role, each.state, pid=pids.get(name, each.pid),
                                 address=each.address)
            for name, each in components().items()
        }  # fmt: skip

    monkeypatch.setattr(stack.control, "start", start)
    monkeypatch.setattr(stack.control, "components", with_new_pids)
    monkeypatch.setattr(slow_start, "port_state", lambda _: "refused")
    monkeypatch.setattr(slow_start, "verify_running", lambda _, names: dict.fromkeys(names, "up"))
    return delays, starts_in


def test_the_component_comes_up_after_the_delay(stack, fault, starts, monkeypatch):
    looks, looked = [], threading.Event()

    def refuse(_):
        looks.append(1)
        if len(looks) == 2 and not looked.wait(0.1):  # the first look was counted by then
            looked.set()
        return "refused"

    monkeypatch.setattr(slow_start, "port_state", refuse)
    starts[1]["gateway-1"] = looked
    assert fault.inject(stack.context) == {"components": ["gateway-1"]}
    proof = fault.prove(stack.context)["gateway-1"]
    assert proof["up_after_ms"] >= 100
    assert proof["refused"] > 0
    assert proof["pids"][0] != proof["pids"][1]
    for _ in range(2):
        assert fault.heal(stack.context) == {}
        assert fault.verify(stack.context) == {"gateway-1": "up"}
    assert starts[0] == [0.1]


def test_a_start_that_is_not_delayed_is_no_proof(stack, spec, starts):
    fault = SlowStart(spec("slow-start", "gateway", start_delay="60s"))
    starts[1]["gateway-1"] = 0.02
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["gateway-1"]["up_after_ms"] < 60_000


def test_a_port_that_answers_meanwhile_is_no_proof(stack, fault, starts, monkeypatch):
    monkeypatch.setattr(slow_start, "port_state", lambda _: "open")
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert "unproven" in fault.heal(stack.context)


def test_a_stop_ends_the_proof(stack, spec, starts):
    fault = SlowStart(spec("slow-start", "gateway", start_delay="2s"))
    released = starts[1]["gateway-1"] = threading.Event()
    fault.inject(stack.context)
    stack.context.stop.set()
    assert fault.prove(stack.context) == {}
    threads = [each for each in threading.enumerate() if each.name == "start gateway-1"]
    assert threads
    released.set()
    fault.heal(stack.context)
    assert not any(thread.is_alive() for thread in threads)


def test_a_component_that_cannot_start_is_a_failure_and_is_tried_again(
    stack, fault, starts, monkeypatch
):
    calls = []

    def start(name, *, delay_s=0.0):
        calls.append(delay_s)
        if delay_s:
            raise StackError("the port is taken")

    monkeypatch.setattr(stack.control, "start", start)
    fault.inject(stack.context)
    fault.prove(stack.context)
    with pytest.raises(FaultFailed, match="the port is taken"):
        fault.heal(stack.context)
    assert calls == [0.1, 0.0]


def test_heal_without_inject_does_nothing(stack, fault):
    assert fault.heal(stack.context) == {}
