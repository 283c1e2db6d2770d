"""broker-failure, on a fake stack."""

from gauntlet.chaos.faults.broker_failure import BrokerFailure


def test_every_broker_is_killed_and_started_again(stack, spec):
    """There is no parameter `count`."""
    fault = BrokerFailure(spec("broker-failure", "broker"))
    assert fault.inject(stack.context) == {"components": ["broker"]}
    assert fault.heal(stack.context) == {"started": ["broker"]}
    assert stack.control.calls == [("kill", "broker"), ("start", "broker")]
