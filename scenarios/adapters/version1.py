"""Adapters of version 1 of the contract, which keep working for one release.

They differ from those of version 2 in the class that creates the codecs: it derives from nothing,
has one `subprotocol`, names the address with `websocket_url`, and creates codecs from user names.
"""

import warnings
from typing import Protocol

from gauntlet.scenarios.adapters.base import Account, Adapter, Codec, Settings

REQUIRED = ("capabilities", "subprotocol", "websocket_url", "codec")


class Version1(Protocol):
    """What an adapter of version 1 consists of."""

    capabilities: frozenset[str]
    subprotocol: str

    def __init__(self, settings: Settings) -> None: ...
    def websocket_url(self, url: str) -> str: ...
    def codec(self, user: str, device: str) -> Codec: ...


def is_version_1(found: object) -> bool:
    """Return whether a class is an adapter of version 1, possibly an incomplete one."""
    return not (isinstance(found, type) and issubclass(found, Adapter)) or hasattr(
        found, "websocket_url"
    )


def wrap(old: type[Version1], name: str) -> type[Adapter]:
    """Return a class of version 2 that passes everything on to an adapter of version 1."""
    warnings.warn(
        f"adapter {name!r} has version 1 of the adapter contract, which the next release does not "
        "support; derive it from `base.Adapter` and see docs/howto/your-own-system.md",
        DeprecationWarning,
        stacklevel=2,
    )

    class Wrapped(Adapter):
        capabilities = frozenset(old.capabilities)

        def __init__(self, settings: Settings) -> None:
            self._old = old(settings)
            self.capabilities = frozenset(self._old.capabilities)
            self.subprotocols = (self._old.subprotocol,) if self._old.subprotocol else ()

        def url(self, url: str) -> str:
            return self._old.websocket_url(url)

        def codec(self, account: Account, device: str) -> Codec:
            return self._old.codec(account.name, device)

    Wrapped.__name__ = Wrapped.__qualname__ = old.__name__
    return Wrapped
