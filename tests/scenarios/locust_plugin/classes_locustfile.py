"""Two classes of users and, where SHAPE says so, a load shape, as anybody would write them."""

import os

from locust import LoadTestShape, tag, task

from gauntlet.locust import VirtualUser


class Tagged(VirtualUser):
    """What all classes here have in common."""

    abstract = True

    @tag("talk")
    @task
    def live(self):
        """As the base class does, under a tag."""
        super().live()


class Talker(Tagged):
    """Most users."""

    weight = 3


class Quiet(Tagged):
    """Fewer users."""

    weight = 1


class Operator(Tagged):
    """Always two."""

    fixed_count = 2


if "SHAPE" in os.environ:

    class TwoSteps(LoadTestShape):
        """Two users, then six, and the end after three seconds."""

        def tick(self):
            """How many, and how fast."""
            run_time = self.get_run_time()
            return None if run_time > 3.5 else (2 if run_time < 1 else 6, 6)
