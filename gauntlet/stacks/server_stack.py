"""The common part of the stacks that run one foreign server as a child process.

A subclass names the program, writes its configuration and returns its command line. This module
chooses free ports, starts the child, waits until it serves, and kills, pauses and restarts it for
faults. The server's own service, configuration and data on this machine are not used.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.stacks import subprocesses
from gauntlet.stacks.control_server import ControlServer
from gauntlet.stacks.free_port import HOST, free_port
from gauntlet.stacks.reference import Event, PlannedLink, StackAddresses

ROLE = "edge"  # the component to which clients connect
BOOT_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 0.5
_POLL_S = 0.05
_LOG_LINES = 8
_VERSION_TIMEOUT_S = 10.0
# Debian installs servers in sbin, which is not on every user's PATH.
_EXTRA_PATH = "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin"
# The transports of the adapters (`load.transport`).
WEBSOCKET, TCP = "websocket", "tcp"


class Program(NamedTuple):
    """The program of a server: its file name, and how to install it.

    `version_option` makes it print its version and end; empty if no option does. The environment
    variable `GAUNTLET_<NAME>` names another file, for example `GAUNTLET_NATS_SERVER` for the
    program `nats-server`.
    """

    name: str
    remedy: str
    version_option: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that replaces the search."""
        return f"GAUNTLET_{self.name.upper().replace('-', '_')}"

    def find(self) -> str | None:
        """Return its path, or None if it is not installed."""
        path = os.environ.get("PATH", "") + ":" + _EXTRA_PATH
        return os.environ.get(self.variable) or shutil.which(self.name, path=path)

    def version(self, binary: str) -> str:
        """Return the first line that the program prints about its version; empty if unknown."""
        if not self.version_option:
            return ""
        try:
            shown = subprocess.run(
                [binary, self.version_option],
                capture_output=True,
                text=True,
                timeout=_VERSION_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        # Some servers exit with an error after printing their version.
        return next(iter((shown.stdout or shown.stderr).strip().splitlines()), "")


class ServerStack(ABC):
    """One foreign server: a stack with one component, of the role `edge`.

    `name` is the name of the stack and of the component. `urls` holds the address for clients of
    each transport, with `{address}` in place of host and port. `link_kinds` says for each transport
    how a link is probed (`gauntlet.chaos.clients.link_probe.REQUESTS`). `settings` are the keys of
    `target.server` that the stack and its adapter know; None accepts any key. `keeps_data`: some
    configuration of the server writes messages to its folder.
    """

    name: ClassVar[str]
    program: ClassVar[Program]
    urls: ClassVar[Mapping[str, str]]
    link_kinds: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws"}
    settings: ClassVar[frozenset[str] | None] = None
    keeps_data: ClassVar[bool] = True
    boot_timeout_s: ClassVar[float] = BOOT_TIMEOUT_S

    def __init__(self, request: dict[str, Any], on_event: Callable[[Event], None]) -> None:
        binary = self.program.find()
        if binary is None:
            raise ConfigError(
                f"the stack {self.name} needs {self.program.name}, which is not installed; "
                f"{self.program.remedy}"
            )
        self.binary = binary
        self.config: dict[str, Any] = request["config"]
        self.folder = Path(request["data_dir"]) / self.name
        self.logs = Path(request["log_dir"])
        self.log = self.logs / f"{self.name}.log"
        self.ports = {transport: free_port() for transport in self.urls}
        self._transport = request.get("transport", next(iter(self.urls)))
        self._on_event = on_event
        self._child: subprocess.Popen[bytes] | None = None
        self._state = "planned"
        # The state and the child of it: a child that was killed has not ended by itself.
        self._lock = threading.Lock()
        self._starts = 0
        self._variables: Mapping[str, str] = {}
        self._check_settings()
        self._version = self.program.version(binary)
        self._control = ControlServer(self)

    # What a subclass defines.

    def read_settings(self) -> None:  # noqa: B027 - a server may have nothing to configure
        """Validate `self.config`; ConfigError. Called before anything is started."""

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration into `self.folder`, which exists."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line, which must not put the server into the background."""

    def environment(self) -> Mapping[str, str | None]:
        """Return the environment variables to change; None removes one."""
        return {}

    def serves(self) -> bool:
        """Return whether the server accepts clients: here, whether its ports accept connections."""
        return all(accepts_connections(port) for port in self.ports.values())

    def prepare_users(self) -> None:  # noqa: B027 - most servers accept any user here
        """Create what users need, once, after the first start."""

    # Helpers for the settings.

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return the value of `target.server.<key>`: one of `allowed`, by default the first."""
        value = self.config.get(key, allowed[0])
        if value not in allowed:
            raise ConfigError(
                f"target.server.{key} must be one of: {', '.join(allowed)}; got {value}"
            )
        return str(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return the value of `target.server.<key>`: true or false."""
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise ConfigError(f"target.server.{key} must be true or false; got {value}")
        return value

    def number(self, key: str, default: int) -> int:
        """Return the value of `target.server.<key>`: a whole number of 0 or more."""
        value = self.config.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"target.server.{key} must be a whole number >= 0; got {value}")
        return value

    def _check_settings(self) -> None:
        if self._transport not in self.urls:
            raise ConfigError(
                f"load.transport must be one of: {', '.join(self.urls)} (on the stack "
                f"{self.name}); got {self._transport}"
            )
        if self.settings is not None and (unknown := sorted(self.config.keys() - self.settings)):
            raise ConfigError(
                f"target.server must have only these keys on the stack {self.name}: "
                f"{', '.join(sorted(self.settings))}; got {', '.join(unknown)}"
            )
        self.read_settings()

    # The interface of a stack (`gauntlet.stacks.BootedStack`).

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """Return one component, and the link that all clients use."""
        component = {
            "name": self.name,
            "role": ROLE,
            "environment": None,
            "version": self._version,
            "disk": self.keeps_data,
        }
        kind = self.link_kinds[self._transport]
        return [component], [PlannedLink(self._link, "client", self.name, kind, self._address)]

    def start(
        self,
        advertise: dict[str, str],
        disks: Mapping[str, str] = MappingProxyType({}),
        environment: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> StackAddresses:
        """Write the configuration, start the server and wait until it accepts clients."""
        self._variables = environment.get(self.name, {})
        self.folder = Path(disks.get(self.name, self.folder))
        self.folder.mkdir(parents=True, exist_ok=self.name in disks)
        self.configure()
        self.start_component()
        self.prepare_users()
        url = self.urls[self._transport].format(address=advertise.get(self._link, self._address))
        return StackAddresses(self._control.url, self._control.token, [url])

    @property
    def running(self) -> bool:
        """Always true: this process supervises the server.

        A server that ends by itself is an event, and a fault that ended it starts it again.
        """
        return True

    def stop(self) -> None:
        """End the server and the control API."""
        self._control.stop()
        if self._child is not None:
            if self._state == "paused":
                self._signal_group("CONT", "up")
            with self._lock:
                self._state = "held"
            subprocesses.end(self._child, grace_s=STOP_TIMEOUT_S)

    @property
    def _link(self) -> str:
        return f"client>{self.name}"

    @property
    def _address(self) -> str:
        return f"{HOST}:{self.ports[self._transport]}"

    # The component of the control API (`gauntlet.stacks.control_server.ControlledComponent`).

    def components(self) -> list[dict[str, Any]]:
        """Return the one component in its current state."""
        alive = self._child is not None and self._child.poll() is None
        return [
            {
                "name": self.name,
                "role": ROLE,
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
            "start": (("held", "exited"), self.start_component),
            "pause": (("up",), lambda: self._signal_group("STOP", "paused")),
            "resume": (("paused",), lambda: self._signal_group("CONT", "up")),
        }
        allowed_states, action = actions[verb]
        if self.components()[0]["state"] not in allowed_states:
            return None
        action()
        return self._child.pid if self._child is not None else 0

    def start_component(self) -> None:
        """Start it and wait until it serves; raises StackError, with the end of its log, if not."""
        with self.log.open("ab") as out:
            self._child = subprocesses.start(
                self.command(),
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env={**self.environment(), **self._variables},
                # Some servers take long to end in order, and a paused one never does. The data is
                # not needed any more when the harness is gone.
                orphan_signal=signal.SIGKILL,
            )
        self._starts += 1
        deadline = time.monotonic() + self.boot_timeout_s
        while not self.serves():
            if self._child.poll() is not None or time.monotonic() > deadline:
                # Its process may still be running.
                subprocesses.end(self._child, grace_s=STOP_TIMEOUT_S)
                raise StackError("\n    ".join([f"{self.name} did not start:", *self.log_tail()]))
            time.sleep(_POLL_S)
        with self._lock:
            self._enter("up", "started")
        threading.Thread(
            target=self._await_end, args=(self._child,), name=f"{self.name} end", daemon=True
        ).start()

    def log_tail(self) -> list[str]:
        """Return the last lines of the server's log."""
        return self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]

    def _kill(self, name: str) -> None:
        child = self._child
        assert child is not None
        self._signal_group(name, "held")
        child.wait(STOP_TIMEOUT_S)

    def _signal_group(self, name: str, state: str) -> None:
        assert self._child is not None
        with self._lock:
            # The child leads its own session, so its process id is also that of its group.
            os.killpg(self._child.pid, signal.Signals[f"SIG{name}"])
            self._enter(state, {"held": "killed", "up": "resumed"}.get(state, state))

    def _await_end(self, child: subprocess.Popen[bytes]) -> None:
        """Report the end of a child that ends by itself, with the last lines of its log."""
        while (status := child.poll()) is None:
            time.sleep(_POLL_S)
        with self._lock:
            if child is self._child and self._state in ("up", "paused"):
                how = _describe_status(status)
                self._enter("exited", "exited", status=how, log_tail=self.log_tail())

    def _enter(self, state: str, event: str, **detail: Any) -> None:
        self._state = state
        self._on_event(
            {
                "t_ns": clock.now_ns(),
                "component": self.name,
                "event": event,
                "pid": self._child.pid if self._child is not None else None,
                "detail": detail,
            }
        )


def _describe_status(status: int) -> str:
    """Return how a process ended: its exit code, or the signal, of which some have no name."""
    if status >= 0:
        return f"exit code {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def accepts_connections(port: int) -> bool:
    """Return whether a loopback port accepts TCP connections."""
    try:
        with socket.create_connection((HOST, port), timeout=PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False
