"""The names that your own locustfile imports: `from gauntlet.locust import IMUser`.

Importing this module connects the engine to Locust's events, so import it only from a locustfile.
"""

import warnings
from typing import Any

from gauntlet.scenarios.locust_plugin import entry as _entry
from gauntlet.scenarios.locust_plugin.im_client import (
    IM,
    IMError,
    LoadFinished,
    PeerNotConnected,
    ReceiveTimeout,
    SendRejected,
    SendUnknown,
    Sent,
    UnknownRecipient,
)
from gauntlet.scenarios.locust_plugin.users import IMUser, VirtualUser

__all__ = [
    "IM",
    "IMError",
    "IMUser",
    "LoadFinished",
    "PeerNotConnected",
    "ReceiveTimeout",
    "SendRejected",
    "SendUnknown",
    "Sent",
    "UnknownRecipient",
    "VirtualUser",
]

del _entry  # imported only because of its effect

_DEPRECATED = {
    "LoadOver": LoadFinished,
    "NoSuchPeer": UnknownRecipient,
    "NotHeard": ReceiveTimeout,
    "PeerAbsent": PeerNotConnected,
    "Rejected": SendRejected,
    "Unknown": SendUnknown,
}


def __getattr__(name: str) -> Any:
    """Return the class that replaces a name of release 0.1."""
    replacement = _DEPRECATED.get(name)
    if replacement is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"gauntlet.locust.{name} is deprecated; use {replacement.__name__} instead"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return replacement
