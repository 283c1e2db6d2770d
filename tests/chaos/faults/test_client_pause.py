"""client-pause, on a real registry."""

import threading

import pytest

from gauntlet.chaos.faults import _registry, client_pause
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.client_pause import ClientPause
from gauntlet.core.errors import RollbackError

pytestmark = pytest.mark.integration


def test_writes_wait_until_the_heal_and_reads_are_answered(stack, spec, registry):
    """The write that was held back is executed then."""
    registry.set("key", 1)
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    assert fault.inject(stack.context) == {"components": ["registry"]}
    assert fault.prove(stack.context) == {"write": "no answer within 500 ms", "read": "answered"}
    assert registry.get("key") == b"1"
    for _ in range(2):
        fault.heal(stack.context)
        assert fault.verify(stack.context) == {"write": "answered"}
    registry.set("key", 2)
    assert registry.get("key") == b"2"


def test_the_proof_takes_one_attempt_at_a_write(stack, spec, registry):
    """Retries would outlast a short fault."""
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    before = connections(registry)
    fault.prove(stack.context)
    # One of the write and one of the read. Each retry of a write needs another one.
    assert 2 <= connections(registry) - before < 5
    fault.heal(stack.context)


def connections(registry):
    """Return how many connections a registry has accepted."""
    return registry.info("stats")["total_connections_received"]


def test_a_registry_that_is_paused_is_healed_when_it_runs_again(
    stack, spec, registry, change_registry
):
    """A paused process keeps its settings."""
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(state="paused")
    resume = threading.Timer(0.3, change_registry, kwargs={"state": "up"})
    resume.start()
    fault.heal(stack.context)
    resume.join()
    assert fault.verify(stack.context) == {"write": "answered"}


def test_a_registry_that_stays_paused_is_not_healed(
    stack, spec, registry, change_registry, monkeypatch
):
    monkeypatch.setattr(_registry, "VERIFY_S", 0.0)
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(state="paused")
    for step in (fault.heal, fault.verify):
        with pytest.raises(RollbackError, match="registry is not up"):
            step(stack.context)


def test_a_registry_that_answers_writes_is_no_proof(stack, spec, registry, monkeypatch):
    """Another client has ended the pause."""
    monkeypatch.setattr(client_pause, "PROVE_S", 0.0)
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    registry.execute_command("CLIENT", "UNPAUSE")
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof == {"write": "answered", "read": "answered"}


def test_a_registry_that_still_holds_back_writes_is_not_healed(stack, spec, registry, monkeypatch):
    monkeypatch.setattr(client_pause, "VERIFY_S", 0.0)
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    with pytest.raises(RollbackError, match="holds back"):
        fault.verify(stack.context)


def test_a_registry_that_was_restarted_meanwhile_needs_no_heal(
    stack, spec, registry, change_registry
):
    """The pause ended with the process; its successor may not even be up."""
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(pid=None, state="held")
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def test_heal_without_inject_does_nothing(stack, spec):
    fault = ClientPause(spec("client-pause", "registry", for_=1.0))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
