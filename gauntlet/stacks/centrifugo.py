"""Runs Centrifugo with its own configuration and port, on its memory engine.

Users are accepted with tokens that are signed with a key which the adapter knows, so they need no
registration; the server therefore listens on loopback only.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from gauntlet.scenarios.adapters.centrifugo import PATH, STACK_KEY, Centrifugo
from gauntlet.stacks.free_port import HOST
from gauntlet.stacks.server_stack import WEBSOCKET, Program, ServerStack

PROGRAM = Program("centrifugo", "sudo tools/install-services.sh --all", version_option="version")
# Larger than any run, because the defaults (300 publications) would limit what a run can prove.
_PUBLICATIONS = 100_000


class CentrifugoStack(ServerStack):
    """One Centrifugo. `history: false` turns off history and recovery: messages at most once."""

    name = "centrifugo"
    keeps_data = False
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}" + PATH}
    settings = Centrifugo.settings

    def read_settings(self) -> None:
        self._history = self.flag("history", default=True)

    def configure(self) -> None:
        channel: dict[str, Any] = {
            "allow_subscribe_for_client": True,
            "allow_publish_for_subscriber": True,
        }
        if self._history:
            channel |= {
                "history_size": _PUBLICATIONS,
                "history_ttl": "24h",
                "force_positioning": True,
                "force_recovery": True,
                "allow_history_for_subscriber": True,
            }
        client: dict[str, Any] = {
            "token": {"hmac_secret_key": self.config.get("token_key", STACK_KEY)},
            "allowed_origins": ["*"],
            "channel_limit": 1000,
            "history_max_publication_limit": _PUBLICATIONS,
            "recovery_max_publication_limit": _PUBLICATIONS,
        }
        # A short interval, so that a client notices within a run that its server is frozen.
        websocket = {"ping_pong": {"ping_interval": "10s", "pong_timeout": "5s"}}
        configuration = {
            "http_server": {"address": HOST, "port": str(self.ports[WEBSOCKET])},
            "engine": {"type": "memory"},
            "client": client,
            "channel": self._namespaces(channel),
            "websocket": websocket,
            "usage_stats": {"disabled": True},
        }
        if api_key := self.config.get("api_key"):
            configuration["http_api"] = {"key": api_key}
        (self.folder / "config.json").write_text(json.dumps(configuration, indent=2))

    def _namespaces(self, options: dict[str, Any]) -> dict[str, Any]:
        namespace = self.config.get("namespace", "")
        if namespace:
            return {"namespaces": [{"name": namespace, **options}]}
        return {"without_namespace": options}

    def command(self) -> list[str]:
        return [self.binary, "--config", str((self.folder / "config.json").resolve())]
