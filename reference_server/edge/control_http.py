"""Plain HTTP on an edge's WebSocket port: health, metrics, control calls.

`websockets` reads only the head of a request, so control calls are GETs with query parameters too.
See `docs/reference/edge-control.md`.
"""

from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from gauntlet.builds import SERVER
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.edge.drain import Drain, DrainOptions

Query = dict[str, list[str]]


class ControlHttp:
    """Answers requests; everything below `/internal/` needs the `X-Internal` token."""

    def __init__(
        self, metrics: Metrics, drain: Drain, config: Config, stats: Callable[[], dict[str, Any]]
    ) -> None:
        self._metrics = metrics
        self._drain = drain
        self._internal_token = config.internal_token
        self._connections_max = config.settings.edge_connections_max
        self._stats = stats
        self._internal: dict[str, Callable[[Query], Any]] = {
            "/internal/drain": self._begin_drain,
            "/internal/undrain": self._undrain,
            "/internal/stats": lambda _: stats(),
        }

    def respond(self, ws: ServerConnection, request: Request) -> Response | None:
        """Return the response, or None to continue with the WebSocket handshake."""
        if len(request.headers.get_all("Host")) != 1:  # RFC 9112, 3.2; `websockets` accepts any
            return ws.respond(HTTPStatus.BAD_REQUEST, "one Host header is required\n")
        parts = _parts_of(request)
        if parts.path == "/v1/ws":
            # Handshakes in progress, including this one, count too: they hold descriptors.
            is_full = len(ws.server.handler_tasks) > self._connections_max
            if self._drain.active is None and not is_full:
                return None
            self._metrics.add("upgrades_refused_total")
            return ws.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n" if is_full else "draining\n")
        if parts.path == "/healthz":
            return _json(
                ws, HTTPStatus.OK, {"status": "ok", "build": str(SERVER.current()), **self._stats()}
            )
        if parts.path == "/readyz":
            missing = self._stats()["missing"]
            status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
            return _json(ws, status, {"ready": not missing, "missing": missing})
        if parts.path == "/metrics":
            return ws.respond(HTTPStatus.OK, self._metrics.render())
        if parts.path in self._internal:
            return self._control(ws, request, parts.path, parse_qs(parts.query))
        return ws.respond(HTTPStatus.NOT_FOUND, "not found\n")

    def respond_internal(self, ws: ServerConnection, request: Request) -> Response:
        """Return the response on the port that clients cannot use, because they need TLS."""
        if _parts_of(request).path != "/v1/ws":
            response = self.respond(ws, request)
            if response is not None:
                return response
        return ws.respond(HTTPStatus.FORBIDDEN, "clients connect to the port that speaks TLS\n")

    def _control(self, ws: ServerConnection, request: Request, path: str, query: Query) -> Response:
        # A header that is repeated has no single value, and `get` would raise an error.
        sent = request.headers.get_all("X-Internal")
        if len(sent) != 1 or not compare_digest(sent[0].encode(), self._internal_token.encode()):
            return ws.respond(HTTPStatus.FORBIDDEN, "the X-Internal token is missing or wrong\n")
        try:
            return _json(ws, HTTPStatus.OK, self._internal[path](query))
        except (msgspec.ValidationError, ValueError) as error:
            return _json(ws, HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _begin_drain(self, query: Query) -> dict[str, int]:
        single = {name: values[-1] for name, values in query.items() if name != "url"}
        parameters = {**single, "urls": query.get("url", [])}
        options = msgspec.convert(parameters, DrainOptions, strict=False)
        if not options.urls:
            raise ValueError("at least one `url` is required: the address of an edge to move to")
        return {"told": self._drain.begin(options)}

    def _undrain(self, query: Query) -> dict[str, bool]:
        self._drain.cancel()
        return {"draining": False}


def _parts_of(request: Request) -> SplitResult:
    """Return the parts of the target; a target that is no URL, such as `//[`, has no path."""
    try:
        return urlsplit(request.path)
    except ValueError:
        return urlsplit("")


def _json(ws: ServerConnection, status: HTTPStatus, value: Any) -> Response:
    response = ws.respond(status, msgspec.json.encode(value).decode())
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response
