"""command, with real commands on a fake stack."""

import dataclasses
import sys

import pytest

from gauntlet.chaos.faults import command as module
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.command import Command
from gauntlet.core.errors import RollbackError


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Fail early: waiting is not what these tests are about."""
    monkeypatch.setattr(module, "PROVE_S", 0.1)
    monkeypatch.setattr(module, "VERIFY_S", 0.1)


@pytest.fixture
def context(stack, tmp_path):
    """A stack whose logs are in a folder of the test."""
    return dataclasses.replace(stack.context, logs=tmp_path)


@pytest.fixture
def fault(spec, tmp_path):
    """A fault that creates a file and removes it; parameters can be replaced or removed (None)."""
    file = tmp_path / "broken"

    def fault(**changed):
        params = {
            "inject": python(f"open({str(file)!r}, 'x')"),
            "prove": python(f"open({str(file)!r})"),
            "heal": python(
                f"import os; os.path.exists({str(file)!r}) and os.remove({str(file)!r})"
            ),
            "verify": python(f"import os, sys; sys.exit(os.path.exists({str(file)!r}))"),
            **changed,
        }
        params = {name: value for name, value in params.items() if value is not None}
        return Command(spec("command", "", **params))

    fault.file = file
    return fault


def python(script):
    """A command that runs a script."""
    return [sys.executable, "-c", script]


def test_a_proof_that_succeeds_before_inject_fails_the_fault(context, fault):
    always = fault(prove=["sh", "-c", "! no-such-program"])
    with pytest.raises(FaultFailed, match="prove succeeds before inject"):
        always.inject(context)
    assert not fault.file.exists(), "inject was not run"
    assert always.heal(context) == {}


def test_a_fault_is_injected_proven_healed_and_verified(context, fault):
    created = fault()
    assert created.inject(context)["inject"]["exit_code"] == 0
    assert fault.file.exists()
    assert created.prove(context)["prove"]["exit_code"] == 0
    created.heal(context)
    assert not fault.file.exists()
    assert created.verify(context)["verify"]["exit_code"] == 0


def test_a_failed_injection_is_healed_all_the_same(context, fault):
    created = fault(inject=python(f"open({str(fault.file)!r}, 'x'); raise SystemExit(3)"))
    with pytest.raises(FaultFailed, match="inject: exit code 3"):
        created.inject(context)
    created.heal(context)
    assert not fault.file.exists()


def test_a_prove_that_fails_means_that_the_fault_failed(context, fault):
    created = fault(prove=python("raise SystemExit('still up')"))
    created.inject(context)
    with pytest.raises(FaultFailed, match="prove") as error:
        created.prove(context)
    assert error.value.proof["prove"]["output"] == "still up"


def test_without_prove_there_is_no_proof_of_its_own(context, fault):
    created = fault(prove=None)
    created.inject(context)
    assert created.prove(context) == {}


def test_a_heal_that_fails_is_not_verified(context, fault):
    created = fault(heal=python("raise SystemExit('still down')"))
    created.inject(context)
    with pytest.raises(RollbackError, match="still down"):
        created.heal(context)


def test_a_verify_that_fails_is_no_verified_heal(context, fault):
    created = fault(heal=python(""))
    created.inject(context)
    created.heal(context)
    with pytest.raises(RollbackError, match="verify: exit code 1"):
        created.verify(context)


def test_nothing_is_healed_that_was_not_injected(context, fault):
    fault.file.touch()
    created = fault()
    assert created.heal(context) == {}
    assert created.verify(context) == {}
    assert fault.file.exists()


def test_commands_know_the_fault(context, fault):
    created = fault(inject=python("import os; print(os.environ['GAUNTLET_FAULT'])"))
    assert created.inject(context)["inject"]["output"] == "f"
