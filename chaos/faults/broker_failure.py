"""broker-failure: the message broker dies with everything in it, and comes back empty."""

from gauntlet.chaos.faults.kill import Kill
from gauntlet.core.scenario.model import Fault as Spec


def broker_failure(spec: Spec) -> Kill:
    """A kill of every broker: both buses are transient, so that a restart begins empty."""
    return Kill(spec, count=None)
