"""The Locust user: one virtual user with one connection, which lives in the engine."""

import gevent
from locust import User, task
from locust.exception import StopUser

from scenarios.locust_bridge import bridge

_FOREVER_S = 3600.0


class VirtualUser(User):
    """Spawning it connects a session; the session stays until the load has drained."""

    def on_start(self) -> None:
        """Take the next free slot of the plan."""
        if not bridge.of(self.environment).add_user():
            raise StopUser

    @task
    def live(self) -> None:
        """Nothing to do here: the engine sends and receives."""
        gevent.sleep(_FOREVER_S)
