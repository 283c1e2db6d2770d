"""lock-table, on a double of PostgreSQL."""

import pytest

from gauntlet.chaos.faults.lock_table import LockTable
from gauntlet.core.errors import RollbackError


@pytest.fixture
def fault(spec):
    return LockTable(spec("lock-table", "messages-db", for_=1.0))


@pytest.fixture
def locked(database):
    """A server on which the lock is held and a session waits for it."""
    database.answers = {
        "pg_backend_pid": [[(7,)]],
        "pg_locks": [[(1,)]],
        "pg_blocking_pids": [[(2,)]],
    }
    return database


def test_the_lock_is_held_until_the_heal(stack, fault, locked):
    assert fault.inject(stack.context) == {
        "components": ["messages-db"],
        "table": "messages",
        "mode": "ACCESS EXCLUSIVE",
    }
    assert "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE" in locked.executed
    assert fault.prove(stack.context) == {"held": 1, "waiting": 2}
    assert not locked.sessions[0].closed
    for _ in range(2):
        assert fault.heal(stack.context) == {}
        assert locked.sessions[0].closed
    locked.answers["pg_locks"] = [[(0,)]]
    assert fault.verify(stack.context) == {"held": 0}


def test_reads_go_on_in_the_mode_writes(stack, spec, locked):
    LockTable(spec("lock-table", "messages-db", mode="writes")).inject(stack.context)
    assert "LOCK TABLE messages IN EXCLUSIVE MODE" in locked.executed


@pytest.mark.parametrize(("held", "waiting"), [(1, 0), (0, 2)])
def test_a_lock_that_no_one_waits_for_is_no_proof(stack, fault, locked, held, waiting):
    locked.answers |= {"pg_locks": [[(held,)]], "pg_blocking_pids": [[(waiting,)]]}
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context) == {"unproven": {"held": held, "waiting": waiting}}


def test_a_lock_that_stays_is_not_healed(stack, fault, locked):
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still locked"):
        fault.verify(stack.context)


def test_a_server_that_was_restarted_meanwhile_needs_no_heal(stack, fault, locked, monkeypatch):
    fault.inject(stack.context)
    known = stack.control.components
    monkeypatch.setattr(
        stack.control,
        "components",
        lambda: {name: _with_another_pid(each) for name, each in known().items()},
    )
    fault.heal(stack.context)
    assert fault.verify(stack.context) == {}


def test_heal_without_inject_does_nothing(stack, fault, database):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def _with_another_pid(component):
    return component.__class__(component.name, component.role, component.state, pid=9)
