"""A locustfile with two user classes that prints which of them have greenlets that run."""

import gevent
from locust import events

from gauntlet.locust import VirtualUser


class Waiting(VirtualUser):
    """A user without actions of its own."""


class Acting(VirtualUser):
    """A user with an action of its own."""

    def on_start(self):
        """Join the load as usual."""
        super().on_start()


@events.test_start.add_listener
def report(environment, **_):
    """Print a line after all users have joined."""
    gevent.spawn(_print, environment.runner)


def _print(runner):
    while runner.user_count < 6:
        gevent.sleep(0.05)
    gevent.sleep(0.3)  # so that greenlets which run have started
    running = {type(user.args[0]).__name__ for user in runner.user_greenlets if user.started}
    print("GREENLETS", sorted(running), runner.user_classes_count, flush=True)
