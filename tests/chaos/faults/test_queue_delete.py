"""queue-delete: on a real Redis as the broker, and with a double of RabbitMQ's tool."""

import pytest

from gauntlet.chaos.faults import queue_delete
from gauntlet.chaos.faults.queue_delete import QueueDelete
from gauntlet.core.errors import RollbackError


@pytest.fixture
def fault(spec, monkeypatch):
    monkeypatch.setattr(queue_delete, "VERIFY_S", 0.0)
    return QueueDelete(spec("queue-delete", "edge-blue-1"))


@pytest.fixture
def broker(broker):
    """The broker with the streams of three edges."""
    for name in ("edges.edge-blue-1.01", "edges.edge-blue-2.01", "edges.edge-blue-10.01"):
        broker.xadd(name, {"d": b""})
    return broker


@pytest.mark.integration
def test_the_stream_of_an_edge_is_deleted_and_that_of_others_stays(stack, fault, broker):
    assert fault.inject(stack.context) == {"components": ["edge-blue-1"]}
    assert fault.prove(stack.context) == {"deleted": 1, "left": 0}
    assert sorted(broker.keys()) == [b"edges.edge-blue-10.01", b"edges.edge-blue-2.01"]
    assert fault.heal(stack.context) == {}
    with pytest.raises(RollbackError, match="0 queues for 1 edges"):
        fault.verify(stack.context)
    broker.xadd("edges.edge-blue-1.01", {"d": b""})
    assert fault.verify(stack.context) == {"queues": 1}


@pytest.mark.integration
def test_an_edge_without_a_queue_is_no_proof(stack, fault, broker):
    broker.delete("edges.edge-blue-1.01")
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context) == {"unproven": {"deleted": 0, "left": 0}}


def test_an_exclusive_queue_is_deleted_in_the_node(stack, fault, amqp, rabbitmqctl):
    rabbitmqctl.answers = ["{1,0}", "{1}"]
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {"deleted": 1, "left": 0}
    assert fault.heal(stack.context) == {}
    assert fault.verify(stack.context) == {"queues": 1}
    (deleted, _), (counted, _) = rabbitmqctl.calls
    assert '["edges.edge-blue-1."]' in deleted[-1]
    assert "rabbit_amqqueue:delete(Q, false, false" in deleted[-1]
    assert "delete" not in counted[-1]


@pytest.mark.parametrize("answer", ["{0,0}", "{1,1}"])
def test_a_queue_that_is_left_is_no_proof(stack, fault, amqp, rabbitmqctl, answer):
    rabbitmqctl.answers = [answer]
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert "unproven" in fault.heal(stack.context)


def test_the_queue_of_an_edge_that_has_ended_is_not_awaited(stack, fault, amqp, rabbitmqctl):
    rabbitmqctl.answers = ["{1,0}"]
    fault.inject(stack.context)
    stack.control.states["edge-blue-1"] = "held"
    assert fault.verify(stack.context) == {}


def test_heal_without_inject_does_nothing(stack, fault):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
