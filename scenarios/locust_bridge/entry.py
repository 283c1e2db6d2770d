"""The locustfile that `gauntlet run` starts; `gauntlet.locust` is for locustfiles of one's own."""

from locust import events

from scenarios.locust_bridge import bridge
from scenarios.locust_bridge.users import VirtualUser

__all__ = ["VirtualUser"]

bridge.install(events)
