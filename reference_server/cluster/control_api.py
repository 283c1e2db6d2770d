"""The control API, through which the harness or an operator controls a running cluster."""

import asyncio
import hmac
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from aiohttp import ClientSession, web

from gauntlet.reference_server.cluster.rollout.driver import (
    CutoverDriver,
    CutoverRequest,
    DrainRequest,
)
from gauntlet.reference_server.cluster.rollout.edge_stats import read_metrics
from gauntlet.reference_server.cluster.rollout.rolling_update import RollingRequest, RollingUpdate
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.errors import (
    ClusterError,
    RequestError,
    StartError,
    StateError,
)
from gauntlet.reference_server.cluster.topology.plan import HOST, PYTHON

_STATUS = {RequestError: 404, StateError: 409, StartError: 503}
BODY_TIMEOUT_S = 5.0
HEAD_TIMEOUT_S = 5.0  # also between two requests of one connection
START_DELAY_MAX_MS = 30_000
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StartRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `start`: how much longer than usual the start takes."""

    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=START_DELAY_MAX_MS)] = 0


class ControlApi:
    """The HTTP server of the control API; see `docs/reference/control-api.md`."""

    def __init__(
        self,
        supervisor: Supervisor,
        cutover: CutoverDriver,
        http: ClientSession,
        token: str,
        store_password: str,
    ) -> None:
        self._supervisor = supervisor
        self._cutover = cutover
        self._rolling = RollingUpdate(supervisor)
        self._http = http
        self._token = token
        self._store_password = store_password
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/components", self._list),
                web.get("/components/{name}/password", self._show_password),
                web.post("/components/{name}/{verb:kill|start|pause|resume|promote}", self._act),
                web.post("/components/{name}/drain", self._begin_scale_in),
                web.get("/rolling", self._show_rolling),
                web.post("/rolling", self._begin_rolling),
                web.get("/cutover", self._show_cutover),
                web.post("/cutover", self._begin_cutover),
                web.post("/cutover/rollback", self._roll_back),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=HEAD_TIMEOUT_S
        )

    async def open(self, port: int) -> str:
        """Start to listen, and return the base URL."""
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        return f"http://{HOST}:{port}"

    async def close(self) -> None:
        """Stop listening, and end a rolling update that is in progress."""
        await self._rolling.close()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        # Bytes that are no UTF-8 arrive as surrogates, which only this error handler can encode.
        sent = authorization.encode(errors="surrogateescape")
        if not hmac.compare_digest(sent, f"Bearer {self._token}".encode()):
            return _error(401, "the Authorization header must contain the token of the ready line")
        try:
            return await handler(request)
        except ClusterError as error:
            return _error(_STATUS.get(type(error), 500), str(error))
        except (msgspec.MsgspecError, ValueError) as error:
            return _error(400, str(error))

    async def _list(self, _request: web.Request) -> web.Response:
        draining = self._cutover.scaling_in
        components = [
            _describe(component, draining) for component in self._supervisor.components.values()
        ]
        return web.json_response({"components": components})

    async def _show_password(self, request: web.Request) -> web.Response:
        component = self._supervisor[request.match_info["name"]]
        has_one = component.planned.engine != PYTHON
        return web.json_response({"password": self._store_password if has_one else None})

    async def _act(self, request: web.Request) -> web.Response:
        component = self._supervisor[request.match_info["name"]]
        match request.match_info["verb"]:
            case "kill":
                name = (await _body(request)).get("signal", "KILL")
                if f"SIG{name}" not in signal.Signals.__members__:
                    raise ValueError(
                        f"signal: found {name!r}; must be a signal, such as KILL or TERM"
                    )
                pid = await component.kill(signal.Signals[f"SIG{name}"])
            case "start":
                start = msgspec.convert(await _body(request), StartRequest)
                pid = await component.start(start.delay_ms / 1000)
            case "pause":
                pid = component.pause()
            case "promote":
                pid = await component.promote()
            case _:
                pid = component.resume()
        return web.json_response({"pid": pid})

    async def _begin_cutover(self, request: web.Request) -> web.Response:
        self._cutover.begin(msgspec.convert(await _body(request), CutoverRequest))
        return web.json_response(await self._cutover.status(), status=202)

    async def _show_cutover(self, _request: web.Request) -> web.Response:
        return web.json_response(await self._cutover.status())

    async def _roll_back(self, _request: web.Request) -> web.Response:
        self._cutover.roll_back()
        return web.json_response(await self._cutover.status(), status=202)

    async def _begin_scale_in(self, request: web.Request) -> web.Response:
        drain = msgspec.convert(await _body(request), DrainRequest)
        self._cutover.begin_scale_in(request.match_info["name"], drain)
        return web.json_response({"state": "draining"}, status=202)

    async def _begin_rolling(self, request: web.Request) -> web.Response:
        self._rolling.begin(msgspec.convert(await _body(request), RollingRequest))
        return web.json_response(self._rolling.status(), status=202)

    async def _show_rolling(self, _request: web.Request) -> web.Response:
        return web.json_response(self._rolling.status())

    async def _metrics(self, _request: web.Request) -> web.Response:
        metrics = {
            component.planned.name: await read_metrics(self._http, component.planned)
            for component in self._supervisor.components.values()
            if component.planned.engine == PYTHON and component.state == "up"
        }
        answered = {name: values for name, values in metrics.items() if values is not None}
        return web.json_response({"components": answered})


def _describe(component: Component, draining: str | None) -> dict[str, Any]:
    planned = component.planned
    is_draining = planned.name == draining and component.state != "planned"
    return {
        "name": planned.name,
        "role": planned.role,
        "environment": planned.environment,
        "pid": component.pid,
        "state": "draining" if is_draining else component.state,
        "restarts": component.restarts,
        "address": planned.address,
    }


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            text = await request.read()  # not `text`, which trusts the charset that is given
    except TimeoutError as error:
        raise ValueError("the body is incomplete") from error
    try:
        value = json.loads(text or b"{}")
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
