"""Plain Locust: `locust -f locustfile.py` boots the server, loads it, and judges the run.

`--scenario` chooses what they do. Have as many classes as you like, each with a weight.
"""

from gauntlet.locust import VirtualUser


class Member(VirtualUser):
    """A user of the scenario, and no more."""
