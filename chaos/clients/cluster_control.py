"""A typed client of the cluster's control API (docs/reference/control-api.md)."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from gauntlet.core.errors import StackError

_CALL_TIMEOUT_S = 10.0
_START_TIMEOUT_S = 60.0  # `start` answers when the component is healthy; a broker starts slowly


class RefusedError(StackError):
    """The system's state forbids the call, or the component does not exist; nothing was done."""


class Component(msgspec.Struct, frozen=True):
    """One process of the system and its current state, as the cluster reports it."""

    name: str
    role: str
    state: str
    environment: str | None = None
    pid: int | None = None
    restarts: int = 0
    address: str | None = None


class CutoverStep(msgspec.Struct, frozen=True):
    """A state that a cutover entered, and when (monotonic nanoseconds)."""

    state: str
    t_ns: int
    detail: Any = None


class CutoverStatus(msgspec.Struct, frozen=True):
    """The progress of a cutover; `environment` is the one that new connections go to.

    `told` counts the clients that were asked to reconnect.
    """

    state: str
    environment: str
    steps: list[CutoverStep] = []
    connections: dict[str, int] = {}
    told: int = 0
    forced_closes: int = 0
    error: str | None = None


class RollingStep(msgspec.Struct, frozen=True):
    """A state that a component entered during a rolling update: `stopping`, then `up`."""

    component: str
    state: str
    t_ns: int


class RollingStatus(msgspec.Struct, frozen=True):
    """The progress of a rolling update: `idle`, `running`, `done` or `failed`."""

    state: str
    steps: list[RollingStep] = []
    error: str | None = None


class ControlClient:
    """Acts on the components of a running cluster. Safe to use from several threads.

    Every call opens its own connection and has a timeout. Errors are raised as StackError, or as
    its subclass RefusedError if the cluster refused the call.
    """

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def components(self) -> dict[str, Component]:
        """Return every component by name, including those that are only planned."""
        rows = self._call("GET", "/components")["components"]
        return {component.name: component for component in self._convert(list[Component], rows)}

    def password(self, name: str) -> str | None:
        """Return the password that a store asks for; None if it needs none."""
        try:
            answer = self._call("GET", f"/components/{quote(name)}/password")
        except RefusedError:  # a control API without stores does not have this call
            return None
        password: str | None = self._convert(str | None, answer.get("password"))
        return password

    def kill(self, name: str, signal: str = "KILL") -> None:
        """End a component by a signal; the cluster does not restart it."""
        self._act(name, "kill", {"signal": signal})

    def start(self, name: str, *, delay_s: float = 0.0) -> None:
        """Start a held, planned or exited component, and wait until it is healthy.

        With a delay, its process only begins to start after it.
        """
        body = {"delay_ms": round(delay_s * 1000)} if delay_s else {}
        self._act(name, "start", body, timeout_s=_START_TIMEOUT_S + delay_s)

    def pause(self, name: str) -> None:
        """Suspend the process group of a component (SIGSTOP)."""
        self._act(name, "pause")

    def resume(self, name: str) -> None:
        """Resume a paused component (SIGCONT)."""
        self._act(name, "resume")

    def promote(self, name: str) -> None:
        """Make a running standby of a store the primary."""
        self._act(name, "promote", timeout_s=_START_TIMEOUT_S)

    def begin_cutover(self, to: str, *, drain_ms: int, canaries: bool) -> None:
        """Start to move every WebSocket client to the environment `to`."""
        body = {"to": to, "drain_ms": drain_ms, "canaries": canaries}
        self._call("POST", "/cutover", body)

    def cutover(self) -> CutoverStatus:
        """Return the status of the running or the last cutover; `idle` if there was none."""
        status: CutoverStatus = self._convert(CutoverStatus, self._call("GET", "/cutover"))
        return status

    def roll_back_cutover(self) -> None:
        """Request a rollback; raises StackError if it is too late or no cutover is running."""
        self._call("POST", "/cutover/rollback", {})

    def drain(self, name: str, *, drain_ms: int) -> None:
        """Start to move the clients of an edge to others; it then stops and becomes `planned`."""
        self._act(name, "drain", {"drain_ms": drain_ms})

    def begin_rolling_update(self) -> None:
        """Start to restart every gateway and service, one after the other."""
        self._call("POST", "/rolling", {})

    def rolling_update(self) -> RollingStatus:
        """Return the status of the running or the last rolling update; `idle` if none."""
        status: RollingStatus = self._convert(RollingStatus, self._call("GET", "/rolling"))
        return status

    def _act(
        self, name: str, verb: str, body: object = None, *, timeout_s: float = _CALL_TIMEOUT_S
    ) -> None:
        self._call("POST", f"/components/{quote(name, safe='')}/{verb}", body or {}, timeout_s)

    def _call(
        self, method: str, path: str, body: object = None, timeout_s: float = _CALL_TIMEOUT_S
    ) -> Any:
        call = f"control API: {method} {path}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, self._headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StackError(f"{call}: no answer: {error!r}") from error
        finally:
            connection.close()
        if response.status >= 400:
            reason = content.decode(errors="replace")[:200].strip()
            refused = response.status in (400, 404, 409)
            raise (RefusedError if refused else StackError)(f"{call}: {response.status} {reason}")
        try:
            return msgspec.json.decode(content) if content else None
        except msgspec.DecodeError as error:
            raise StackError(f"{call}: not JSON: {error}") from error

    def _convert(self, shape: Any, value: object) -> Any:
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            raise StackError(f"control API: unexpected answer: {error}") from error
