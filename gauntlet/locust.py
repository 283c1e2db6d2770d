"""What a locustfile of one's own imports: `from gauntlet.locust import IMUser`.

Importing it ties the engine to Locust's events: it is for locustfiles, and for nothing else.
"""

from gauntlet.scenarios.locust_plugin import entry as _entry
from gauntlet.scenarios.locust_plugin.im_client import (
    IM,
    IMError,
    LoadOver,
    NoSuchPeer,
    NotHeard,
    PeerAbsent,
    Rejected,
    Sent,
    Unknown,
)
from gauntlet.scenarios.locust_plugin.users import IMUser, VirtualUser

__all__ = [
    "IM",
    "IMError",
    "IMUser",
    "LoadOver",
    "NoSuchPeer",
    "NotHeard",
    "PeerAbsent",
    "Rejected",
    "Sent",
    "Unknown",
    "VirtualUser",
]

del _entry  # imported for what it does
