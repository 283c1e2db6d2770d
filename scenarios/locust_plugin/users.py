"""The Locust user classes. Each user is one virtual user, whose connection belongs to the engine.

A `VirtualUser` sends according to the scenario's arrivals (an open model), an `IMUser` according to
its tasks (a closed model).
"""

import logging
import traceback
from typing import Any, ClassVar

import gevent
from gevent.pool import Group
from locust import User, task
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING

from gauntlet.scenarios.locust_plugin import plugin
from gauntlet.scenarios.locust_plugin.im_client import IM, LoadFinished

_FOREVER_S = 3600.0

log = logging.getLogger(__name__)


class VirtualUser(User):
    """A user that connects when it is spawned and stays connected until the load has drained.

    The class is abstract, so that a locustfile that imports it has only its own user classes.

    The stack of a greenlet that sleeps is a third of the memory of an idle user. Therefore a user
    who does nothing else is represented by a greenlet that never runs; Locust counts and stops it
    like any other one. A subclass with tasks or actions of its own runs as usual.
    """

    abstract = True

    def start(self, group: Group) -> gevent.Greenlet:
        """Join the load, and be counted as running."""
        if not self._only_waits():
            return super().start(group)
        self._state = LOCUST_STATE_RUNNING
        self._group = group
        self._greenlet = gevent.Greenlet(_never_run, self)  # Locust finds the user by its argument
        group.add(self._greenlet)
        gevent.spawn(self._join)
        return self._greenlet

    def stop(self, force: bool = False) -> bool:  # noqa: FBT001, FBT002 - the signature of Locust
        """Stop at once: there is no task that could be completed before."""
        stopped: bool = super().stop(force or self._only_waits())
        return stopped

    def _only_waits(self) -> bool:
        own = type(self)
        return (
            (own.run, own.on_start, own.on_stop)
            == (VirtualUser.run, VirtualUser.on_start, VirtualUser.on_stop)
            and own.tasks == [VirtualUser.live]
        )  # fmt: skip

    def _join(self) -> None:
        try:
            self.on_start()
        except StopUser:
            super().stop(force=True)
        except Exception as error:  # noqa: BLE001 - whatever the action of a user raises
            # As Locust does it for a user that runs.
            log.error("%s\n%s", error, traceback.format_exc())  # noqa: TRY400 - the format of Locust
            self.environment.events.user_error.fire(
                user_instance=self, exception=error, tb=error.__traceback__
            )
            super().stop(force=True)

    def on_start(self) -> None:
        """Take the next free user of the plan, or stop if there is none."""
        if not plugin.add_user(self.environment):
            raise StopUser

    @task
    def live(self) -> None:
        """Do nothing: the engine sends and receives."""
        gevent.sleep(_FOREVER_S)


def _never_run(_user: VirtualUser) -> None:
    raise AssertionError("the greenlet of a user who only waits is never started")


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
