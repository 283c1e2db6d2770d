"""broker-failure, in a world without processes."""

from gauntlet.chaos.faults.broker_failure import broker_failure


def test_the_broker_is_killed_and_started(world, spec):
    """Every broker, without a count."""
    fault = broker_failure(spec("broker-failure", "broker"))
    assert fault.inject(world.context) == {"components": ["broker"]}
    assert fault.heal(world.context) == {"started": ["broker"]}
    assert world.control.calls == [("kill", "broker"), ("start", "broker")]
