"""The locustfile that `gauntlet run` starts; importing it ties the engine to Locust's events."""

from locust import events

from gauntlet.scenarios.locust_plugin import plugin
from gauntlet.scenarios.locust_plugin.users import VirtualUser

__all__ = ["Member"]

plugin.install(events)


class Member(VirtualUser):
    """A user of the scenario, and no more."""
