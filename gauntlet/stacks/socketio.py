"""Runs a small chat server on Socket.IO 4 (`socketio_server/server.js`), by Node.js.

Messages are in its memory only, so a kill loses them. Any user name is accepted, so the server
listens on loopback only.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from gauntlet.scenarios.adapters.socketio import PATH, Socketio
from gauntlet.stacks.server_stack import WEBSOCKET, Program, ServerStack

SERVER = Path(__file__).parent / "socketio_server"
# Where tools/install-services.sh installs the packages of the lock file.
_MODULES = Path(
    os.environ.get("GAUNTLET_SOCKETIO", "/usr/local/lib/gauntlet/socketio/node_modules")
)
_RECOVERY_MS = 120_000  # as in the documentation of Socket.IO
_PING_MS, _PONG_MS = 10_000, 5_000


class SocketioProgram(Program):
    """Node.js, which is of use only with the package `socket.io`."""

    def find(self) -> str | None:
        return super().find() if self._package.exists() else None

    def version(self, binary: str) -> str:
        found = json.loads(self._package.read_text())["version"]
        return f"socket.io {found} on Node.js {super().version(binary)}"

    @property
    def _package(self) -> Path:
        return _MODULES / "socket.io" / "package.json"


PROGRAM = SocketioProgram("node", "sudo tools/install-services.sh --all", "--version")


class SocketioStack(ServerStack):
    """One server. `recovery: false` turns off the recovery of connection states."""

    name = "socketio"
    keeps_data = False
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}" + PATH}
    settings = Socketio.settings

    def read_settings(self) -> None:
        self._recovery_ms = _RECOVERY_MS if self.flag("recovery", default=True) else 0

    def configure(self) -> None:
        """Write nothing: the server has only arguments."""

    def environment(self) -> Mapping[str, str | None]:
        return {"NODE_PATH": str(_MODULES), "NODE_OPTIONS": None}

    def command(self) -> list[str]:
        numbers = (self.ports[WEBSOCKET], self._recovery_ms, _PING_MS, _PONG_MS)
        return [self.binary, str(SERVER / "server.js"), *map(str, numbers)]
