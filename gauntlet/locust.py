"""What a locustfile of one's own imports: `from gauntlet.locust import IMUser`.

Importing it ties the engine to Locust's events: it is for locustfiles, and for nothing else.
"""

from scenarios.locust_bridge import entry as _entry
from scenarios.locust_bridge.im import (
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
from scenarios.locust_bridge.users import IMUser, VirtualUser

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
