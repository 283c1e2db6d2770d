"""read-only, on a double of PostgreSQL."""

import pytest

from gauntlet.chaos.clients.postgres import DatabaseError
from gauntlet.chaos.faults.read_only import ReadOnly
from gauntlet.core.errors import RollbackError

REFUSED = DatabaseError("cannot execute DELETE in a read-only transaction", "25006")


@pytest.fixture
def fault(spec):
    return ReadOnly(spec("read-only", "messages-db", for_=1.0))


def test_writes_are_refused_until_the_heal(stack, fault, database):
    database.answers = {"DELETE": [REFUSED]}
    assert fault.inject(stack.context) == {"components": ["messages-db"]}
    assert database.executed == [
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    ]
    assert fault.prove(stack.context) == {
        "write": "refused",
        "sqlstate": "25006",
        "read": "answered",
    }
    database.answers = {}
    for _ in range(2):
        assert fault.heal(stack.context) == {}
        assert fault.verify(stack.context) == {"write": "accepted"}
    assert database.executed.count("ALTER SYSTEM RESET default_transaction_read_only") == 2


def test_a_server_that_accepts_writes_is_no_proof(stack, fault, database):
    """Another client has reset the setting."""
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context) == {"unproven": {"write": "accepted"}}


def test_another_refusal_is_no_proof(stack, fault, database):
    database.answers = {"DELETE": [DatabaseError("no such table", "42P01")]}
    fault.inject(stack.context)
    with pytest.raises(DatabaseError, match="no such table"):
        fault.prove(stack.context)


def test_a_server_that_still_refuses_writes_is_not_healed(stack, fault, database):
    database.answers = {"DELETE": [REFUSED]}
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still refuses"):
        fault.verify(stack.context)


def test_a_server_that_is_held_down_is_not_healed(stack, fault, database):
    """The setting would act again when it is started."""
    fault.inject(stack.context)
    stack.control.states["messages-db"] = "held"
    with pytest.raises(RollbackError, match="not up"):
        fault.heal(stack.context)


def test_heal_without_inject_does_nothing(stack, fault, database):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
    assert database.executed == []
