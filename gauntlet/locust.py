"""What a locustfile of one's own imports: `from gauntlet.locust import IMUser`.

Importing it ties the engine to Locust's events: it is for locustfiles, and for nothing else.
"""

from scenarios.locust_bridge import entry
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
from scenarios.locust_bridge.users import IMUser

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

VirtualUser = entry.VirtualUser
