"""What the conformance suite checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Tls
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters.base import Account, Adapter, Settings


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: an adapter, the addresses of a target, and who can log in there.

    `password` and `token` are those of all accounts that have none of their own.
    """

    adapter: str
    urls: Sequence[str]
    settings: Settings = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    allow_hosts: Sequence[str] = ()
    tls: Tls = field(default_factory=Tls)
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: str = ""
    users: int = 2

    def create_adapter(self) -> Adapter:
        """Return a new adapter; ConfigError if it cannot be used."""
        found: Any = adapters.find(self.adapter)
        try:
            adapter: Adapter = found(dict(self.settings))
        except Exception as error:  # an adapter of the user may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"adapter {self.adapter!r} cannot be created with these settings ({reason}); see "
                "--set"
            ) from error
        transport = self.transport or adapter.transports[0]
        if transport not in adapter.transports:
            allowed = ", ".join(adapter.transports)
            raise ConfigError(f"--transport must be one of: {allowed}; got {transport!r}")
        adapter.use(transport)
        return adapter
