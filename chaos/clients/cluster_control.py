"""A typed client of the cluster's control API (docs/reference/control-api.md)."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from gauntlet.core.errors import StackError

_CALL_S = 10.0
_START_S = 60.0  # `start` answers when the component is healthy; a broker takes its time


class RefusedError(StackError):
    """The call does not fit the system's state, or names what it has not; nothing was done."""


class Component(msgspec.Struct, frozen=True):
    """One process of the system, as the cluster sees it now."""

    name: str
    role: str
    state: str
    environment: str | None = None
    pid: int | None = None
    restarts: int = 0
    address: str | None = None


class CutoverStep(msgspec.Struct, frozen=True):
    """One state a cutover entered, and when (monotonic)."""

    state: str
    t_ns: int
    detail: Any = None


class CutoverStatus(msgspec.Struct, frozen=True):
    """Where a cutover stands; `environment` is the one that new connections go to."""

    state: str
    environment: str
    steps: list[CutoverStep] = []
    connections: dict[str, int] = {}
    told: int = 0
    forced_closes: int = 0
    error: str | None = None


class RollingStep(msgspec.Struct, frozen=True):
    """One component of a rolling update: `stopping`, then `up`, each when it was entered."""

    component: str
    state: str
    t_ns: int


class RollingStatus(msgspec.Struct, frozen=True):
    """Where a rolling update stands: `idle`, `running`, `done` or `failed`."""

    state: str
    steps: list[RollingStep] = []
    error: str | None = None


class ControlClient:
    """Acts on the components of a running cluster. Safe to use from several threads.

    Every call opens its own connection, is bounded in time, and raises StackError.
    """

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def components(self) -> dict[str, Component]:
        """Every component by its name, planned ones too."""
        found = self._as(list[Component], self._call("GET", "/components")["components"])
        return {component.name: component for component in found}

    def kill(self, name: str, signal: str = "KILL") -> None:
        """End a component by a signal and hold it down."""
        self._act(name, "kill", {"signal": signal})

    def start(self, name: str) -> None:
        """Start a held, planned or exited component; returns when it is healthy."""
        self._act(name, "start", timeout_s=_START_S)

    def pause(self, name: str) -> None:
        """Stop a component's process group where it stands."""
        self._act(name, "pause")

    def resume(self, name: str) -> None:
        """Let a paused component go on."""
        self._act(name, "resume")

    def begin_cutover(self, to: str, *, drain_ms: int, canaries: bool) -> None:
        """Begin to move every WebSocket client to the environment `to`."""
        body = {"to": to, "drain_ms": drain_ms, "canaries": canaries}
        self._call("POST", "/cutover", body)

    def cutover(self) -> CutoverStatus:
        """The cutover that runs, or the last one, or `idle`."""
        status: CutoverStatus = self._as(CutoverStatus, self._call("GET", "/cutover"))
        return status

    def roll_back_cutover(self) -> None:
        """Ask for the way back; StackError when it is too late, or none runs."""
        self._call("POST", "/cutover/rollback", {})

    def drain(self, name: str, *, drain_ms: int) -> None:
        """Begin to move an edge's clients to the others; the edge then ends, and is `planned`."""
        self._act(name, "drain", {"drain_ms": drain_ms})

    def begin_rolling_update(self) -> None:
        """Begin to restart every gateway and service, one after the other."""
        self._call("POST", "/rolling", {})

    def rolling_update(self) -> RollingStatus:
        """The rolling update that runs, or the last one, or `idle`."""
        status: RollingStatus = self._as(RollingStatus, self._call("GET", "/rolling"))
        return status

    def _act(
        self, name: str, verb: str, body: object = None, *, timeout_s: float = _CALL_S
    ) -> None:
        self._call("POST", f"/components/{quote(name, safe='')}/{verb}", body or {}, timeout_s)

    def _call(self, method: str, path: str, body: object = None, timeout_s: float = _CALL_S) -> Any:
        what = f"control API: {method} {path}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, self._headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StackError(f"{what}: no answer: {error!r}") from error
        finally:
            connection.close()
        if response.status >= 400:
            reason = content.decode(errors="replace")[:200].strip()
            refused = response.status in (400, 404, 409)
            raise (RefusedError if refused else StackError)(f"{what}: {response.status} {reason}")
        try:
            return msgspec.json.decode(content) if content else None
        except msgspec.DecodeError as error:
            raise StackError(f"{what}: not JSON: {error}") from error

    def _as(self, shape: Any, value: object) -> Any:
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            raise StackError(f"control API: unexpected answer: {error}") from error
