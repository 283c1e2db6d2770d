"""The locustfile that `gauntlet run` starts; importing it ties the engine to Locust's events."""

from locust import events

from scenarios.locust_bridge import bridge
from scenarios.locust_bridge.users import VirtualUser

__all__ = ["Member"]

bridge.install(events)


class Member(VirtualUser):
    """A user of the scenario, and no more."""
