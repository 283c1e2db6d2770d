"""Finds the handler of a call, and turns what it raises into a response. Pure."""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import (
    Handler,
    Params,
    Request,
    Response,
    error_response,
)

# How many paths are cached with their handler, and how long such a path may be.
CACHED_ROUTES_MAX = 8192
_CACHED_PATH_CHARS_MAX = 200

log = logging.getLogger(__name__)


class Router:
    """Finds the handler for a method and a path.

    In a pattern, `{name}` matches one path segment.
    """

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        self.routes = dict(routes)
        self._by_shape: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        for (method, pattern), handler in routes.items():
            parts = pattern.split("/")
            self._by_shape.setdefault((method, len(parts)), []).append((parts, handler))
        # Most calls repeat the path of an earlier one.
        self._find_cached = lru_cache(CACHED_ROUTES_MAX)(self._find)

    @classmethod
    def merge(cls, routers: Iterable["Router"]) -> "Router":
        """Return one router with the routes of several."""
        return cls({key: handler for router in routers for key, handler in router.routes.items()})

    async def handle(self, request: Request) -> Response:
        """Return the response to a request; errors become responses too."""
        is_cached = len(request.path) <= _CACHED_PATH_CHARS_MAX
        find = self._find_cached if is_cached else self._find
        handler, request.params = find(request.method, request.path)
        return await respond(handler, request)

    def _find(self, method: str, path: str) -> tuple[Handler, Params]:
        parts = path.split("/")
        for pattern, handler in self._by_shape.get((method, len(parts)), ()):
            params = _match(pattern, parts)
            if params is not None:
                return handler, params
        return _unknown_call, {}


async def _unknown_call(request: Request) -> Response:
    raise ApiError("not_found", f"no such call: {request.method} {request.path}")


async def respond(handler: Handler, request: Request) -> Response:
    """Call a handler; what it raises becomes an error response in the protocol's format."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except Exception:
        # A defect: the handler may have failed after storing something.
        log.exception("%s %s failed", request.method, request.path)
        stored = "no" if request.method == "GET" else "unknown"
        return error_response(ApiError("internal", "internal error", stored=stored))


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            params[expected[1:-1]] = part
        elif expected != part:
            return None
    return params
