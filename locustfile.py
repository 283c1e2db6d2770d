"""Plain Locust: `locust -f locustfile.py` boots the server, loads it, and judges the run.

Subclass VirtualUser for weights and names of your own; `--scenario` chooses what they do.
"""

from scenarios.locust_bridge.entry import VirtualUser

__all__ = ["VirtualUser"]
