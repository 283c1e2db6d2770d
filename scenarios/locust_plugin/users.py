"""The Locust user classes. Each user is one virtual user, whose connection belongs to the engine.

A `VirtualUser` sends according to the scenario's arrivals (an open model), an `IMUser` according to
its tasks (a closed model).
"""

from typing import Any, ClassVar

import gevent
from locust import User, task
from locust.exception import StopUser

from gauntlet.scenarios.locust_plugin import plugin
from gauntlet.scenarios.locust_plugin.im_client import IM, LoadFinished

_FOREVER_S = 3600.0


class VirtualUser(User):
    """A user that connects when it is spawned and stays connected until the load has drained.

    The class is abstract, so that a locustfile that imports it has only its own user classes.
    """

    abstract = True

    def on_start(self) -> None:
        """Take the next free user of the plan, or stop if there is none."""
        if not plugin.add_user(self.environment):
            raise StopUser

    @task
    def live(self) -> None:
        """Do nothing: the engine sends and receives."""
        gevent.sleep(_FOREVER_S)


class IMUser(User):
    """The base class of your own users: subclass it, and write tasks that use `self.im`.

    If all users of a locustfile are IMUsers, `--scenario` defines the server, the conversations,
    the faults and the objectives, and its arrivals are left out.
    """

    abstract = True
    is_scripted: ClassVar[bool] = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._im = plugin.add_scripted_user(environment)

    @property
    def im(self) -> IM:
        """The user's client. Raises LoadFinished, which stops the user, if there is no load."""
        if self._im is None:
            raise LoadFinished
        return self._im
