"""A real Prosody as a child: our own configuration, data folder and port, nothing of Debian's.

Whoever says who he is, is let in (`mod_auth_insecure`, which Prosody ships for tests), so that any
number of virtual users need no registration. It listens on loopback only, and runs as whoever runs
us: in a container that is often root, which Prosody refuses unless it is told.
"""

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.stacks import subprocesses
from gauntlet.stacks.control_server import ControlServer
from gauntlet.stacks.free_port import HOST, free_port
from gauntlet.stacks.reference import Event, PlannedLink, StackAddresses

NAME = "prosody"
LINK = "client>prosody"
PATH = "/xmpp-websocket"
BOOT_S = 20.0
STOP_S = 5.0
_PROBE_S = 0.5
_POLL_S = 0.05
STORAGES = ("internal", "memory")
_SEARCHED = "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin"

# The archive takes pages of 500 and 100,000 messages a user: its defaults, 50 and 10,000, would
# bound what a run can prove. All else that is not about where to listen is Prosody's default.
_CONFIG = """\
data_path = "{data}"
certificates = "{data}"
log = {{ info = "{log}" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
s2s_direct_tls_ports = {{}}
https_ports = {{}}
http_ports = {{ {port} }}
http_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "saslauth", "disco", "ping", "websocket", "smacks", "mam" }}
modules_disabled = {{ "s2s", "tls" }}
consider_websocket_secure = true
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "insecure"
run_as_root = true
insecure_open_authentication = "Yes please, I know what I'm doing!"
storage = "{storage}"
max_archive_query_results = 500
storage_archive_item_limit = 100000
VirtualHost "{domain}"
"""


def find_binary() -> str | None:
    """Prosody's program: `GAUNTLET_PROSODY`, or on PATH; None where there is none."""
    path = os.environ.get("PATH", "") + ":" + _SEARCHED
    return os.environ.get("GAUNTLET_PROSODY") or shutil.which("prosody", path=path)


class ProsodyStack:
    """One server, one component of the role `edge`: what clients connect to."""

    def __init__(self, request: dict[str, Any], on_event: Callable[[Event], None]) -> None:
        self._binary = find_binary()
        if self._binary is None:
            raise ConfigError(
                "the stack prosody needs Prosody; on Debian and Ubuntu: apt-get install prosody"
            )
        self._on_event = on_event
        self._config = request["config"]
        self._data, self._logs = Path(request["data_dir"]), Path(request["log_dir"])
        self._child: subprocess.Popen[bytes] | None = None
        self._config_file = self._data / "prosody.cfg.lua"
        self._state = "planned"
        self._starts = 0
        self._address = f"{HOST}:{free_port()}"
        self._control = ControlServer(self)

    # What a run asks for.

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """One component, and the link that all clients use."""
        component = {"name": NAME, "role": "edge", "environment": None}
        return [component], [PlannedLink(LINK, "client", NAME, "ws", self._address)]

    def start(self, advertise: dict[str, str]) -> StackAddresses:
        """Write the configuration, start, wait until it serves."""
        self._write_config()
        self.start_component()
        url = f"ws://{advertise.get(LINK, self._address)}{PATH}"
        return StackAddresses(self._control.url, self._control.token, [url])

    @property
    def running(self) -> bool:
        """False once Prosody has ended by itself."""
        return self._child is None or self._state != "up" or self._child.poll() is None

    def stop(self) -> None:
        """End Prosody and the control API."""
        self._control.stop()
        if self._child is not None:
            if self._state == "paused":
                self._signal_group("CONT", "up")
            subprocesses.end(self._child, grace_s=STOP_S)

    def _write_config(self) -> None:
        storage = self._config.get("storage", STORAGES[0])
        if storage not in STORAGES:
            allowed = ", ".join(STORAGES)
            raise ConfigError(f"target.server.storage: found {storage}; allowed: {allowed}")
        data = self._data / NAME
        data.mkdir(parents=True)
        self._config_file.write_text(
            _CONFIG.format(
                data=data,
                log=self._logs / "prosody.log",
                port=self._address.rpartition(":")[2],
                storage=storage,
                domain=self._config.get("domain", "localhost"),
            ),
            encoding="utf-8",
        )

    # What the control API asks for (`gauntlet.stacks.control_server.Owner`).

    def components(self) -> list[dict[str, Any]]:
        """The one component, as it is now."""
        alive = self._child is not None and self._child.poll() is None
        return [
            {
                "name": NAME,
                "role": "edge",
                "environment": None,
                "pid": self._child.pid if self._child is not None and alive else None,
                "state": self._state if alive or self._state != "up" else "exited",
                "restarts": max(0, self._starts - 1),
                "address": self._address,
            }
        ]

    def act(self, verb: str, signal_name: str) -> int | None:
        """Kill, start, pause or resume it; the process id. None where its state forbids that."""
        deeds: dict[str, tuple[tuple[str, ...], Callable[[], None]]] = {
            "kill": (("up", "paused"), lambda: self._kill(signal_name)),
            "start": (("held",), self.start_component),
            "pause": (("up",), lambda: self._signal_group("STOP", "paused")),
            "resume": (("paused",), lambda: self._signal_group("CONT", "up")),
        }
        allowed, deed = deeds[verb]
        if self._state not in allowed:
            return None
        deed()
        return self._child.pid if self._child is not None else 0

    def start_component(self) -> None:
        """Start it; StackError with its last words unless it serves in time."""
        with (self._logs / "prosody.out.log").open("ab") as out:
            command = [str(self._binary), "-F", "--config", str(self._config_file)]
            self._child = subprocesses.start(command, stdout=out, stderr=out)
        self._starts += 1
        deadline = time.monotonic() + BOOT_S
        while not self._serves():
            if self._child.poll() is not None or time.monotonic() > deadline:
                subprocesses.end(self._child, grace_s=STOP_S)  # a broken one may well live on
                raise StackError("\n    ".join(["prosody did not start:", *self._last_words()]))
            time.sleep(_POLL_S)
        self._enter("up", "started")

    def _kill(self, name: str) -> None:
        child = self._child
        assert child is not None
        self._signal_group(name, "held")
        child.wait(STOP_S)

    def _signal_group(self, name: str, state: str) -> None:
        assert self._child is not None
        os.killpg(self._child.pid, signal.Signals[f"SIG{name}"])  # a session of its own: so a group
        self._enter(state, {"held": "killed", "up": "resumed"}.get(state, state))

    def _enter(self, state: str, event: str) -> None:
        self._state = state
        pid = self._child.pid if self._child is not None else None
        self._on_event({"t_ns": clock.now_ns(), "component": NAME, "event": event, "pid": pid})

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._address}{PATH}", timeout=_PROBE_S):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def _last_words(self) -> list[str]:
        files = (self._logs / "prosody.out.log", self._logs / "prosody.log")
        lines = [file.read_text(errors="replace").splitlines() for file in files if file.exists()]
        return [line for some in lines for line in some[-8:]]
