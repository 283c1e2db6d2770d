"""The locustfile that `gauntlet run` starts; importing it connects the engine to Locust."""

from locust import events

from gauntlet.scenarios.locust_plugin import plugin
from gauntlet.scenarios.locust_plugin.users import VirtualUser

__all__ = ["Member"]

plugin.install(events)


class Member(VirtualUser):
    """A user of the scenario without behaviour of its own."""
