"""terminate-backends, on a double of PostgreSQL."""

import time

from gauntlet.chaos.clients.postgres import DatabaseError
from gauntlet.chaos.faults.terminate_backends import TerminateBackends


def make(spec, **params):
    return TerminateBackends(spec("terminate-backends", "messages-db", **params))


def test_sessions_are_ended_and_counted(stack, spec, database):
    database.answers = {"pg_terminate_backend": [[(11,), (12,)]], "ANY": [[(0,)]]}
    fault = make(spec)
    assert fault.inject(stack.context) == {"components": ["messages-db"]}
    assert fault.prove(stack.context) == {"terminated": 2, "left": 0}
    for _ in range(2):
        assert fault.heal(stack.context) == {"terminated": 2}
        assert fault.verify(stack.context) == {"session": "answered"}
    assert all(session.closed for session in database.sessions)


def test_a_server_without_clients_is_no_proof(stack, spec, database):
    database.answers = {"pg_terminate_backend": [[]], "ANY": [[(0,)]]}
    fault = make(spec)
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context) == {"terminated": 0, "unproven": {"terminated": 0, "left": 0}}


def test_a_session_that_goes_on_is_no_proof(stack, spec, database):
    database.answers = {"pg_terminate_backend": [[(11,), (12,)]], "ANY": [[(1,)]]}
    fault = make(spec)
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"] == {"terminated": 2, "left": 1}


def test_repeated_rounds_end_with_the_heal_and_survive_an_outage(stack, spec, database):
    """The second round fails, as while another fault holds the server down."""
    lost = DatabaseError("no answer")
    database.answers = {"pg_terminate_backend": [[(1,)], lost, [(2,)], [(3,)], []]}
    fault = make(spec, every="20ms")
    fault.inject(stack.context)
    deadline = time.monotonic() + 60
    while len(fault._ended) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fault.heal(stack.context) == {"terminated": 3}
    sessions = len(database.sessions)
    time.sleep(0.1)
    assert len(database.sessions) == sessions


def test_heal_without_inject_does_nothing(stack, spec, database):
    fault = make(spec)
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
    assert database.sessions == []
