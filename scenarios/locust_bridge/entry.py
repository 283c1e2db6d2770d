"""The locustfile that `gauntlet run` starts, and that a locustfile of one's own may import."""

from locust import events

from scenarios.locust_bridge import bridge
from scenarios.locust_bridge.users import VirtualUser

__all__ = ["VirtualUser"]

bridge.install(events)
