"""Runs Prosody, an XMPP server, as a child process with its own configuration, data and port.

The configuration of the distribution is not used. Any user name is accepted with any password
(`mod_auth_insecure`, which Prosody ships for tests), so virtual users need no registration; the
server therefore listens on loopback only. It runs as the current user, which in a container is
often root; Prosody permits that only with `run_as_root`.
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
BOOT_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 0.5
_POLL_S = 0.05
STORAGES = ("internal", "memory")
_EXTRA_PATH = "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin"

# The archive returns pages of 500 messages and stores 100,000 per user, because the defaults (50
# and 10,000) would limit what a run can prove. Apart from the addresses and the open access, the
# remaining settings are Prosody's defaults.
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
    """Return the path of Prosody (`GAUNTLET_PROSODY`, else PATH and `/usr`), or None."""
    path = os.environ.get("PATH", "") + ":" + _EXTRA_PATH
    return os.environ.get("GAUNTLET_PROSODY") or shutil.which("prosody", path=path)


class ProsodyStack:
    """One Prosody: a stack with one component, of the role `edge`, to which clients connect."""

    def __init__(self, request: dict[str, Any], on_event: Callable[[Event], None]) -> None:
        self._binary = find_binary()
        if self._binary is None:
            raise ConfigError(
                "the stack prosody needs Prosody, which is not installed; on Debian and Ubuntu: "
                "apt-get install prosody"
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

    # --- the interface of a stack (`gauntlet.stacks.BootedStack`)

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """Return one component, and the link that all clients use."""
        component = {"name": NAME, "role": "edge", "environment": None}
        return [component], [PlannedLink(LINK, "client", NAME, "ws", self._address)]

    def start(self, advertise: dict[str, str]) -> StackAddresses:
        """Write the configuration, start Prosody and wait until it accepts WebSockets."""
        self._write_config()
        self.start_component()
        url = f"ws://{advertise.get(LINK, self._address)}{PATH}"
        return StackAddresses(self._control.url, self._control.token, [url])

    @property
    def running(self) -> bool:
        """False if Prosody has ended without being asked to."""
        return self._child is None or self._state != "up" or self._child.poll() is None

    def stop(self) -> None:
        """End Prosody and the control API."""
        self._control.stop()
        if self._child is not None:
            if self._state == "paused":
                self._signal_group("CONT", "up")
            subprocesses.end(self._child, grace_s=STOP_TIMEOUT_S)

    def _write_config(self) -> None:
        storage = self._config.get("storage", STORAGES[0])
        if storage not in STORAGES:
            allowed = ", ".join(STORAGES)
            raise ConfigError(f"target.server.storage: got {storage}; allowed: {allowed}")
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

    # --- the component of the control API (`gauntlet.stacks.control_server.ControlledComponent`)

    def components(self) -> list[dict[str, Any]]:
        """Return the one component in its current state."""
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
        """Kill, start, pause or resume it; return the process id, None if its state forbids it."""
        actions: dict[str, tuple[tuple[str, ...], Callable[[], None]]] = {
            "kill": (("up", "paused"), lambda: self._kill(signal_name)),
            "start": (("held",), self.start_component),
            "pause": (("up",), lambda: self._signal_group("STOP", "paused")),
            "resume": (("paused",), lambda: self._signal_group("CONT", "up")),
        }
        allowed_states, action = actions[verb]
        if self._state not in allowed_states:
            return None
        action()
        return self._child.pid if self._child is not None else 0

    def start_component(self) -> None:
        """Start it and wait until it serves; raises StackError, with the end of its log, if not."""
        with (self._logs / "prosody.out.log").open("ab") as out:
            command = [str(self._binary), "-F", "--config", str(self._config_file)]
            self._child = subprocesses.start(command, stdout=out, stderr=out)
        self._starts += 1
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while not self._serves():
            if self._child.poll() is not None or time.monotonic() > deadline:
                subprocesses.end(
                    self._child, grace_s=STOP_TIMEOUT_S
                )  # its process may still be running
                raise StackError("\n    ".join(["prosody did not start:", *self._log_tail()]))
            time.sleep(_POLL_S)
        self._enter("up", "started")

    def _kill(self, name: str) -> None:
        child = self._child
        assert child is not None
        self._signal_group(name, "held")
        child.wait(STOP_TIMEOUT_S)

    def _signal_group(self, name: str, state: str) -> None:
        assert self._child is not None
        # The child leads its own session, so its process id is also that of its group.
        os.killpg(self._child.pid, signal.Signals[f"SIG{name}"])
        self._enter(state, {"held": "killed", "up": "resumed"}.get(state, state))

    def _enter(self, state: str, event: str) -> None:
        self._state = state
        pid = self._child.pid if self._child is not None else None
        self._on_event({"t_ns": clock.now_ns(), "component": NAME, "event": event, "pid": pid})

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._address}{PATH}", timeout=_PROBE_TIMEOUT_S):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def _log_tail(self) -> list[str]:
        files = (self._logs / "prosody.out.log", self._logs / "prosody.log")
        logs = [file.read_text(errors="replace").splitlines() for file in files if file.exists()]
        return [line for lines in logs for line in lines[-8:]]
