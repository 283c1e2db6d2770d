"""Runs the reference server as a child: plan, advertise, ready (docs/reference/control-api.md)."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gauntlet import postgres_memory
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.stacks import installations, subprocesses

BOOT_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

Event = dict[str, Any]


class PlannedLink(NamedTuple):
    """A planned link: the connections that a source role makes to the address of a component."""

    name: str
    source: str
    component: str
    kind: str
    upstream: str


class StackAddresses(NamedTuple):
    """The addresses of a running stack: control API with its token, and the APIs for clients.

    `ca` is the path of the certificate that clients must trust; empty if they do not use TLS.
    `builds` says of each process of the reference server which build of its modules it runs.
    """

    control: str
    token: str
    api: list[str]
    ca: str = ""
    builds: Mapping[str, str] = MappingProxyType({})


class ReferenceStack:
    """The cluster process. It is started here, its components by `start`; `stop` ends them all.

    The key `python` of the request is that of another installation, whose server is to be run.
    """

    def __init__(self, request: dict[str, Any], on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stderr = Path(request["log_dir"]) / "cluster.log"
        self._data = [Path(request["data_dir"])]
        python = request.get("python", sys.executable)
        self._other = installations.installation(python) if "python" in request else None
        plain = {key: value for key, value in request.items() if key != "python"}
        plain = plain if self._other is None else self._other.requested(plain)
        with self._stderr.open("ab") as log:
            self._child = subprocesses.start(
                [python, *subprocesses.python("gauntlet.reference_server.cluster")[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=None if self._other is None else installations.ENVIRONMENT,
            )
        self._reader = threading.Thread(target=self._read, name="stack-reader", daemon=True)
        self._reader.start()
        self._send(plain)

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """Return the components and links that there will be; no component is started yet."""
        plan = self._expect("plan")
        return plan["components"], [PlannedLink(**link) for link in plan["links"]]

    def start(
        self,
        advertise: dict[str, str],
        disks: Mapping[str, str] = MappingProxyType({}),
        environment: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> StackAddresses:
        """Start every component; links named in `advertise` are reached through its addresses."""
        self._data += map(Path, disks.values())
        variables = {name: dict(each) for name, each in environment.items()}
        plain = {"advertise": advertise, "disks": dict(disks), "environment": variables}
        self._send(plain if self._other is None else self._other.advertised(plain))
        return StackAddresses(**self._expect("ready"))

    @property
    def running(self) -> bool:
        """Whether the cluster process is alive."""
        return self._child.poll() is None

    def stop(self) -> None:
        """End every component, then the cluster process. Does nothing if it has ended."""
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            subprocesses.end(self._child, grace_s=5.0)
        self._reader.join(5.0)
        if self._child.stdout is not None:
            self._child.stdout.close()
        for folder in self._data:  # the process may have been killed before its databases
            postgres_memory.remove_below(folder)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(message).encode() + b"\n")
            self._child.stdin.flush()
        except OSError as error:
            raise StackError(self._unexpected_end()) from error

    def _expect(self, key: str) -> dict[str, Any]:
        try:
            message = self._lines.get(timeout=BOOT_TIMEOUT_S)
        except queue.Empty:
            raise StackError(
                f"the cluster did not answer with `{key}` within {BOOT_TIMEOUT_S:.0f} s; see "
                f"{self._stderr}"
            ) from None
        if message is None:
            raise StackError(self._unexpected_end())
        if "failed" in message:
            raise _boot_failure(message["failed"])
        content: dict[str, Any] = message[key]
        return content

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            message = json.loads(line)
            if "event" in message:
                self._on_event(message["event"])
            else:
                self._lines.put(message)
        self._lines.put(None)

    def _unexpected_end(self) -> str:
        tail = self._stderr.read_text(errors="replace").splitlines()[-10:]
        return "\n".join(["the cluster process ended unexpectedly; its last lines:", *tail])


def _boot_failure(failed: dict[str, Any]) -> StackError | ConfigError:
    if failed["refused"]:
        return ConfigError(failed["reason"])
    lines = [f"{failed['component']} did not start: {failed['reason']}", *failed["log_tail"]]
    # A service that is not installed is for the user to fix, and nothing has been started.
    return (ConfigError if failed["missing"] else StackError)("\n    ".join(lines))


def probe() -> dict[str, Any]:
    """Return which services are installed: {"redis": {"path", "version"} or None, …}.

    Raises StackError if the cluster cannot find out.
    """
    completed = subprocess.run(
        subprocesses.python("gauntlet.reference_server.cluster", "--probe"),
        capture_output=True,
        timeout=30,
        check=False,
    )
    if completed.returncode != 0:
        reason = completed.stderr.decode(errors="replace").strip()
        raise StackError(reason or "the search for installed services failed without a message")
    services: dict[str, Any] = json.loads(completed.stdout)
    return services
