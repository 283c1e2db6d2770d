"""memory-limit, on a real registry."""

import threading

import pytest
import redis

from gauntlet.chaos.faults import _registry, memory_limit
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.memory_limit import MemoryLimit
from gauntlet.core.errors import RollbackError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def keys(request, monkeypatch):
    """A registry with settings of its own and 200 keys."""
    monkeypatch.setattr(memory_limit, "PROVE_S", 5.0)
    if "registry" in request.fixturenames:
        registry = request.getfixturevalue("registry")
        registry.config_set("maxmemory", 1 << 30)
        registry.config_set("maxmemory-policy", "volatile-ttl")
        registry.mset({f"key-{number}": "x" * 100 for number in range(200)})


def settings(registry):
    """The settings that the fault changes."""
    found = registry.config_get("maxmemory*")
    return int(found["maxmemory"]), found["maxmemory-policy"]


def test_keys_are_evicted_and_writes_refused_until_the_heal(stack, spec, registry):
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    assert fault.inject(stack.context) == {"components": ["registry"]}
    assert fault.prove(stack.context) == {"evicted_keys": 200, "write": "refused"}
    assert registry.dbsize() == 0
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        registry.set("key", 1)
    for _ in range(2):
        fault.heal(stack.context)
        assert fault.verify(stack.context) == {"maxmemory": str(1 << 30), "write": "accepted"}
    assert settings(registry) == (1 << 30, "volatile-ttl")


def test_with_the_policy_refuse_the_keys_stay(stack, spec, registry):
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0, policy="refuse"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {"evicted_keys": 0, "write": "refused"}
    assert registry.dbsize() == 200
    fault.heal(stack.context)
    assert settings(registry) == (1 << 30, "volatile-ttl")


def test_an_empty_registry_from_which_nothing_is_evicted_is_no_proof(
    stack, spec, registry, monkeypatch
):
    monkeypatch.setattr(memory_limit, "PROVE_S", 0.0)
    registry.flushall()
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof == {"evicted_keys": 0, "write": "refused"}


def test_a_registry_that_accepts_writes_is_no_proof(stack, spec, registry, monkeypatch):
    """Another client has lifted the limit."""
    monkeypatch.setattr(memory_limit, "PROVE_S", 0.0)
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0, policy="refuse"))
    fault.inject(stack.context)
    registry.config_set("maxmemory", 0)
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof == {"evicted_keys": 0, "write": "accepted"}


def test_a_registry_that_keeps_the_limit_is_not_healed(stack, spec, registry):
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    fault.inject(stack.context)
    with pytest.raises(RollbackError, match="still lacks memory"):
        fault.verify(stack.context)


def test_a_registry_that_is_paused_is_healed_when_it_runs_again(
    stack, spec, registry, change_registry
):
    """A paused process keeps its settings."""
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(state="paused")
    resume = threading.Timer(0.3, change_registry, kwargs={"state": "up"})
    resume.start()
    fault.heal(stack.context)
    resume.join()
    assert settings(registry) == (1 << 30, "volatile-ttl")


def test_a_registry_that_stays_paused_is_not_healed(
    stack, spec, registry, change_registry, monkeypatch
):
    monkeypatch.setattr(_registry, "VERIFY_S", 0.0)
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(state="paused")
    for step in (fault.heal, fault.verify):
        with pytest.raises(RollbackError, match="registry is not up"):
            step(stack.context)


def test_a_registry_that_was_restarted_meanwhile_needs_no_heal(
    stack, spec, registry, change_registry
):
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    fault.inject(stack.context)
    change_registry(pid=1)
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
    assert settings(registry)[0] == 1


def test_heal_without_inject_does_nothing(stack, spec):
    fault = MemoryLimit(spec("memory-limit", "registry", for_=1.0))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
