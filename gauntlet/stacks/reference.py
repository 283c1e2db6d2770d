"""The reference server as a child: plan, advertise, ready (docs/reference/control-api.md)."""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gauntlet.core.errors import ConfigError, StackError
from gauntlet.stacks import subprocesses

BOOT_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

Event = dict[str, Any]


class PlannedLink(NamedTuple):
    """One planned connection between a source role and a component."""

    name: str
    source: str
    component: str
    kind: str
    upstream: str


class StackAddresses(NamedTuple):
    """Where a running stack is reached."""

    control: str
    token: str
    api: list[str]


class ReferenceStack:
    """A cluster child. `plan` starts it, `start` its components, `stop` ends everything."""

    def __init__(self, request: dict[str, Any], on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stderr = Path(request["log_dir"]) / "cluster.log"
        with self._stderr.open("ab") as log:
            self._child = subprocesses.start(
                subprocesses.python("gauntlet.reference_server.cluster"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._reader = threading.Thread(target=self._read, name="stack-reader", daemon=True)
        self._reader.start()
        self._send(request)

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """The components and links that there will be; nothing is started yet."""
        plan = self._expect("plan")
        return plan["components"], [PlannedLink(**link) for link in plan["links"]]

    def start(self, advertise: dict[str, str]) -> StackAddresses:
        """Start every component; named links are reached through the address given here."""
        self._send({"advertise": advertise})
        return StackAddresses(**self._expect("ready"))

    @property
    def running(self) -> bool:
        """Whether the cluster child itself is alive."""
        return self._child.poll() is None

    def stop(self) -> None:
        """End every component, then the child. Harmless when nothing runs any more."""
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

    def _send(self, message: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(message).encode() + b"\n")
            self._child.stdin.flush()
        except OSError as error:
            raise StackError(self._why_it_ended()) from error

    def _expect(self, key: str) -> dict[str, Any]:
        try:
            message = self._lines.get(timeout=BOOT_TIMEOUT_S)
        except queue.Empty:
            msg = f"the stack did not answer `{key}` within {BOOT_TIMEOUT_S:.0f} s"
            raise StackError(msg) from None
        if message is None:
            raise StackError(self._why_it_ended())
        if "failed" in message:
            raise _failure(message["failed"])
        found: dict[str, Any] = message[key]
        return found

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            message = json.loads(line)
            if "event" in message:
                self._on_event(message["event"])
            else:
                self._lines.put(message)
        self._lines.put(None)

    def _why_it_ended(self) -> str:
        tail = self._stderr.read_text(errors="replace").splitlines()[-10:]
        return "\n".join(["the cluster process ended by itself; its last lines:", *tail])


def _failure(failed: dict[str, Any]) -> StackError | ConfigError:
    if failed["refused"]:
        return ConfigError(failed["reason"])
    lines = [f"{failed['component']} did not start: {failed['reason']}", *failed["log_tail"]]
    # Something that is not installed is the user's to mend, and nothing has been started.
    return (ConfigError if failed["missing"] else StackError)("\n    ".join(lines))


def probe() -> dict[str, Any]:
    """Which real services this machine has: {"redis": {"path","version"} | null, …}."""
    done = subprocess.run(
        subprocesses.python("gauntlet.reference_server.cluster", "--probe"),
        capture_output=True,
        timeout=30,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(done.stderr.decode(errors="replace").strip() or "the probe failed")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
