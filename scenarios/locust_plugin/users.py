"""The Locust users: each is one virtual user, whose connection lives in the engine.

A `VirtualUser` sends what arrivals say (an open model), an `IMUser` what its tasks say (a closed
one).
"""

from typing import Any, ClassVar

import gevent
from locust import User, task
from locust.exception import StopUser

from gauntlet.scenarios.locust_plugin import plugin
from gauntlet.scenarios.locust_plugin.im_client import IM, LoadOver

_FOREVER_S = 3600.0


class VirtualUser(User):
    """Spawning it connects a session; the session stays until the load has drained.

    It is abstract, so that a locustfile which imports it has its own classes of users and no more.
    """

    abstract = True

    def on_start(self) -> None:
        """Take the next free slot of the plan."""
        if not plugin.add_user(self.environment):
            raise StopUser

    @task
    def live(self) -> None:
        """Nothing to do here: the engine sends and receives."""
        gevent.sleep(_FOREVER_S)


class IMUser(User):
    """A user of one's own: subclass it, and give it tasks that use `self.im`.

    Where all users of a locustfile are such, `--scenario` gives the server, the conversations, the
    faults and the objectives; its arrivals are left out.
    """

    abstract = True
    is_driven: ClassVar[bool] = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._im = plugin.im(environment)

    @property
    def im(self) -> IM:
        """What the user says and hears. LoadOver, which ends the user, where he has no part."""
        if self._im is None:
            raise LoadOver
        return self._im
