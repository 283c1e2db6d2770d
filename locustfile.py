"""Plain Locust: `locust -f locustfile.py` boots the server, loads it, and judges the run.

`--scenario` chooses what the users do. A locustfile may have several user classes with weights.
"""

from gauntlet.locust import VirtualUser


class Member(VirtualUser):
    """A user of the scenario, without additional behaviour."""
