"""failover, on a fake stack with fake answers of the stores."""

import dataclasses
from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.chaos.clients import replication
from gauntlet.chaos.clients.replication import StoreRole
from gauntlet.chaos.faults import failover
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.failover import Failover
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import RollbackError

PRIMARY, STANDBY = StoreRole(True, 1, 6), StoreRole(False, 0, 0)
ALONE = StoreRole(True, 0, 4)


@pytest.fixture
def roles(stack, monkeypatch):
    """What the registry and its standby answer, by name; both are components of the stack."""
    control = stack.control
    control.states["registry-standby"] = "up"
    known = control.components

    def components():
        states = dict(control.states)
        control.states.pop("registry-standby")
        found = known()
        control.states.update(states)
        found["registry-standby"] = msgspec.structs.replace(
            found["registry"], name="registry-standby", state=states["registry-standby"]
        )
        return {
            name: msgspec.structs.replace(each, address=f"{name}:1") for name, each in found.items()
        }

    monkeypatch.setattr(control, "components", components)
    answers = {"registry": PRIMARY, "registry-standby": STANDBY}
    asked = []

    def role_of(kind, address, password):
        name = address.partition(":")[0]
        asked.append((kind, name, password))
        return answers[name]

    monkeypatch.setattr(replication, "role_of", role_of)
    monkeypatch.setattr(failover, "process_state", lambda _: "gone")
    monkeypatch.setattr(failover, "verify_running", lambda _, names: dict.fromkeys(names, "up"))
    for name in ("PROVE_S", "VERIFY_S"):
        monkeypatch.setattr(failover, name, 0.0)
    answers["asked"] = asked
    return answers


@pytest.fixture
def context(stack, roles):
    """A context whose plan has the registry and its standby."""
    links = [
        SimpleNamespace(name=f"edge>{name}", source="edge", component=name, kind="redis")
        for name in ("registry", "registry-standby")
    ]
    plan = StackPlan({"registry": "registry", "registry-standby": "registry-standby"}, links)
    return dataclasses.replace(stack.context, plan=plan)


@pytest.fixture
def fault(spec):
    """A failover of the registry without delay."""
    return Failover(spec("failover", "registry", promote_after="0s"))


def test_the_store_is_killed_and_its_standby_promoted_and_the_heal_starts_it(
    stack, context, roles, fault
):
    assert fault.inject(context) == {"components": ["registry"], "promoted": "registry-standby"}
    assert stack.control.calls == [("kill", "registry"), ("promote", "registry-standby")]
    assert roles["asked"] == [("redis", "registry", "password of registry")]
    roles |= {"registry": None, "registry-standby": ALONE}
    assert fault.prove(context) == {
        "process": "gone",
        "promoted": {"is_primary": True, "standbys": 0, "clients": 4},
    }
    assert fault.heal(context) == {"started": ["registry"]}
    roles |= {"registry": STANDBY, "registry-standby": PRIMARY}
    expected = {"registry": "up", "registry-standby": "up", "primary": "registry-standby"}
    assert fault.verify(context) == expected
    assert (fault.heal(context), fault.verify(context)) == ({"started": []}, expected)


@pytest.mark.parametrize("before", [None, STANDBY, ALONE])
def test_a_store_that_no_standby_follows_is_left_alone(stack, context, roles, fault, before):
    roles["registry"] = before
    with pytest.raises(FaultFailed, match="registry is no primary that a standby follows"):
        fault.inject(context)
    assert stack.control.calls == []
    assert (fault.heal(context), fault.verify(context)) == ({}, {})


@pytest.mark.parametrize("after", [None, STANDBY, StoreRole(True, 0, 0)])
def test_a_standby_that_no_service_uses_is_no_proof(context, roles, fault, after):
    """It does not answer, is not promoted, or has no clients."""
    fault.inject(context)
    roles["registry-standby"] = after
    with pytest.raises(FaultFailed, match="has not taken over"):
        fault.prove(context)


def test_a_store_that_still_runs_is_no_proof(context, roles, fault, monkeypatch):
    monkeypatch.setattr(failover, "process_state", lambda _: "sleeping")
    fault.inject(context)
    roles["registry-standby"] = ALONE
    with pytest.raises(FaultFailed, match="has not taken over") as failed:
        fault.prove(context)
    assert failed.value.proof["process"] == "sleeping"


@pytest.mark.parametrize(
    ("old", "new"),
    [(PRIMARY, PRIMARY), (STANDBY, ALONE), (STANDBY, STANDBY), (None, PRIMARY), (STANDBY, None)],
)
def test_two_primaries_or_none_that_is_followed_are_no_heal(context, roles, fault, old, new):
    fault.inject(context)
    roles |= {"registry": old, "registry-standby": new}
    with pytest.raises(RollbackError, match="none follows the other one"):
        fault.verify(context)


@pytest.mark.parametrize(
    ("old", "new", "is_healed"), [(STANDBY, PRIMARY, True), (STANDBY, STANDBY, False)]
)
def test_after_a_failed_promotion_the_old_store_is_no_primary_and_needs_one_to_follow(
    stack, context, roles, fault, monkeypatch, old, new, is_healed
):
    """A promotion that took too long may have succeeded since; one that failed is no heal."""

    def refuse(_):
        raise RuntimeError

    monkeypatch.setattr(stack.control, "promote", refuse, raising=False)
    with pytest.raises(RuntimeError):
        fault.inject(context)
    assert fault.heal(context) == {"started": ["registry"]}
    roles |= {"registry": old, "registry-standby": new}
    if is_healed:
        assert fault.verify(context)["primary"] == "registry-standby"
    else:
        with pytest.raises(RollbackError, match="none follows the other one"):
            fault.verify(context)
