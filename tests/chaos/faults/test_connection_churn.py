"""connection-churn: on a real Redis as the broker, and with a double of RabbitMQ's tool."""

import time

import pytest
import redis

from gauntlet.chaos.faults import connection_churn
from gauntlet.chaos.faults.connection_churn import ConnectionChurn


@pytest.fixture
def fault(spec):
    return ConnectionChurn(spec("connection-churn", "broker", for_=2.0, every="50ms"))


@pytest.fixture
def on_rabbitmq(amqp, monkeypatch):
    monkeypatch.setattr(connection_churn.psutil, "pid_exists", lambda _: True)


def ids(broker):
    """The ids of all connections; the first command after a close connects again."""
    return {row["id"] for row in broker.client_list()}


@pytest.mark.integration
def test_connections_are_closed_again_and_again_until_the_heal(stack, fault, broker):
    seen = ids(broker)
    assert fault.inject(stack.context) == {"components": ["broker"]}
    proof = fault.prove(stack.context)
    assert proof["closed"] >= 1
    assert proof["still_open"] == 0
    deadline = time.monotonic() + 60
    while len(seen) < 5 and time.monotonic() < deadline:
        try:
            seen |= ids(broker)
        except redis.ConnectionError:
            continue
    assert len(seen) >= 5
    for _ in range(2):
        assert fault.heal(stack.context)["closed"] >= 2
        assert fault.verify(stack.context) == {"churn": "ended"}
    before = {row["id"] for row in broker.client_list()}
    time.sleep(0.3)
    assert before & ids(broker)


@pytest.mark.integration
def test_a_broker_without_connections_is_no_proof(stack, fault, broker):
    broker.connection_pool.disconnect()
    time.sleep(0.2)
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"] == {"closed": 0, "still_open": 0}


def test_a_process_in_the_node_closes_connections_on_rabbitmq(
    stack, fault, on_rabbitmq, rabbitmqctl
):
    rabbitmqctl.answers = ["{4,0}", "{9}", "{0}"]
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {"closed": 4, "still_open": 0}
    assert fault.heal(stack.context) == {"closed": 9}
    assert fault.verify(stack.context) == {"churn": "ended"}
    started = rabbitmqctl.calls[0][0][-1]
    assert "after 50 ->" in started
    assert "+ 32000" in started  # two seconds, and half a minute for a run that dies


@pytest.mark.parametrize("answer", ["{0,0}", "{4,1}"])
def test_a_connection_that_stays_open_is_no_proof(stack, fault, on_rabbitmq, rabbitmqctl, answer):
    rabbitmqctl.answers = [answer, "{4}"]
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert "unproven" in fault.heal(stack.context)


def test_heal_without_inject_does_nothing(stack, fault):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
