"""A locustfile with several user classes and, if SHAPE is set, a load shape."""

import os

from locust import LoadTestShape, tag, task

from gauntlet.locust import VirtualUser


class Tagged(VirtualUser):
    """The base class of all users here."""

    abstract = True

    @tag("talk")
    @task
    def live(self):
        """Do what the base class does, under a tag."""
        super().live()


class Talker(Tagged):
    """Three of four users."""

    weight = 3


class Quiet(Tagged):
    """One of four users."""

    weight = 1


class Operator(Tagged):
    """Always two users."""

    fixed_count = 2


if "SHAPE" in os.environ:

    class TwoSteps(LoadTestShape):
        """Two users, then six; the load ends after three and a half seconds."""

        def tick(self):
            """Return the number of users and the spawn rate."""
            run_time = self.get_run_time()
            return None if run_time > 3.5 else (2 if run_time < 1 else 6, 6)
