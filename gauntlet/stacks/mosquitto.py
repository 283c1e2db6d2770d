"""Runs Mosquitto, an MQTT broker, with its own configuration, data and ports."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.mqtt import Mqtt
from gauntlet.stacks.server_stack import TCP, WEBSOCKET, Program, ServerStack

PROGRAM = Program(
    "mosquitto", "on Debian and Ubuntu: apt-get install mosquitto", version_option="-h"
)

# The options of mosquitto.conf that `target.server` may set, with their types. Their defaults are
# those of Mosquitto, except for persistence: most installations switch it on, Debian's does too.
OPTIONS: dict[str, type] = {
    "persistence": bool,
    "autosave_interval": int,
    "autosave_on_changes": bool,
    "max_queued_messages": int,
    "max_inflight_messages": int,
    "queue_qos0_messages": bool,
    "max_connections": int,
}
_DEFAULTS = {"persistence": True}

# Clients connect without a password; the broker therefore listens on loopback only. It runs as the
# current user: as root, it would change to the user `mosquitto`, who must not write here.
_CONFIG = """\
user root
allow_anonymous true
log_dest stdout
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
persistence_location {data}/
listener {tcp} 127.0.0.1
protocol mqtt
listener {websocket} 127.0.0.1
protocol websockets
"""


class MosquittoStack(ServerStack):
    """One Mosquitto with a TCP and a WebSocket listener."""

    name = "mosquitto"
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}", TCP: "tcp://{address}"}
    link_kinds: ClassVar[Mapping[str, str]] = {WEBSOCKET: "mqtt-ws", TCP: "mqtt"}
    settings = frozenset(OPTIONS) | Mqtt.settings

    def read_settings(self) -> None:
        chosen: dict[str, Any] = {
            name: self.config[name] for name in OPTIONS if name in self.config
        }
        for name, value in chosen.items():
            typed = isinstance(value, OPTIONS[name]) and isinstance(value, bool) == (
                OPTIONS[name] is bool
            )
            if not typed or value < 0:
                allowed = "true or false" if OPTIONS[name] is bool else "a whole number >= 0"
                raise ConfigError(f"target.server.{name} must be {allowed}; got {value}")
        self._options: dict[str, Any] = _DEFAULTS | chosen

    def configure(self) -> None:
        ports = {transport: self.ports[transport] for transport in (TCP, WEBSOCKET)}
        text = _CONFIG.format(data=self.folder.resolve(), **ports)
        options = [f"{name} {_written(value)}\n" for name, value in self._options.items()]
        self._file = self.folder / "mosquitto.conf"
        self._file.write_text("".join([*options, text]), encoding="utf-8")

    def command(self) -> list[str]:
        return [self.binary, "-c", str(self._file.resolve())]


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
