"""Runs nats-server, with or without JetStream, with its own configuration, data and ports."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.nats import Nats
from gauntlet.stacks import http_probe
from gauntlet.stacks.free_port import HOST, free_port
from gauntlet.stacks.server_stack import TCP, WEBSOCKET, Program, ServerStack

PROGRAM = Program(
    "nats-server",
    "build it with Go: tools/install-services.sh --all, or install a release",
    version_option="-v",
)
SYNC_DEFAULT = "2m"  # that of nats-server: acknowledged messages reach the disk up to 2 min later


class NatsStack(ServerStack):
    """One nats-server with a TCP and a WebSocket listener."""

    name = "nats"
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}", TCP: "tcp://{address}"}
    link_kinds: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws", TCP: "nats"}
    settings = frozenset({"sync_interval", "max_pending"}) | Nats.settings

    def read_settings(self) -> None:
        # The adapter reads the same settings, and refuses the others.
        self._jetstream = Nats(self.config).jetstream
        self._sync = self.config.get("sync_interval", SYNC_DEFAULT)
        if not isinstance(self._sync, str) or not self._sync:
            raise ConfigError(
                f"target.server.sync_interval must be a duration such as 2m, or always; "
                f"got {self._sync}"
            )
        self._monitor = free_port()

    def configure(self) -> None:
        config: dict[str, Any] = {
            "host": HOST,
            "port": self.ports[TCP],
            "http": f"{HOST}:{self._monitor}",
            "websocket": {"host": HOST, "port": self.ports[WEBSOCKET], "no_tls": True},
        }
        if "max_pending" in self.config:
            config["max_pending"] = self.config["max_pending"]
        if self._jetstream:
            store = str((self.folder / "store").resolve())
            config["jetstream"] = {"store_dir": store, "sync_interval": self._sync}
        self._file = self.folder / "nats.json"
        self._file.write_text(json.dumps(config, indent=2), encoding="utf-8")

    def command(self) -> list[str]:
        return [self.binary, "-c", str(self._file.resolve())]

    def serves(self) -> bool:
        """Ask the monitoring port: the others accept connections before JetStream is ready."""
        return http_probe.status(self._monitor, "/healthz") == HTTPStatus.OK and super().serves()
