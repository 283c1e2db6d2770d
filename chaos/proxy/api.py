"""Toxiproxy's HTTP API for the proxies of this process."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
import psutil
from aiohttp import web

from gauntlet.chaos.proxy import errors
from gauntlet.chaos.proxy.collection import Proxies
from gauntlet.chaos.proxy.proxy import Proxy

VERSION = "2.12.0-gauntlet"  # the version of Toxiproxy whose API this is
BODY_TIMEOUT_S = 5.0
BODY_MAX_BYTES = 32 * 1024 * 1024  # far more than `POST /populate` needs for all ports of a machine
REQUEST_ID = "X-Toxiproxy-Request-Id"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HELP = {"received": "Bytes read from a source", "sent": "Bytes written to a destination"}


def application(proxies: Proxies) -> web.Application:
    """Return the API as an application that processes calls one after the other."""
    api = _Api(proxies)
    app = web.Application(middlewares=[_middleware(asyncio.Lock())], client_max_size=BODY_MAX_BYTES)
    app.router.add_routes(
        [
            web.get("/version", api.version, allow_head=False),
            web.get("/metrics", api.metrics, allow_head=False),
            web.get("/connections", api.connections, allow_head=False),
            web.post("/reset", api.reset),
            web.post("/populate", api.populate),
            web.get("/proxies", api.index, allow_head=False),
            web.post("/proxies", api.create),
            web.get("/proxies/{proxy}", api.show, allow_head=False),
            web.post("/proxies/{proxy}", api.update),
            web.patch("/proxies/{proxy}", api.update),
            web.delete("/proxies/{proxy}", api.remove),
            web.get("/proxies/{proxy}/toxics", api.toxics, allow_head=False),
            web.post("/proxies/{proxy}/toxics", api.add_toxic),
            web.get("/proxies/{proxy}/toxics/{toxic}", api.show_toxic, allow_head=False),
            web.post("/proxies/{proxy}/toxics/{toxic}", api.update_toxic),
            web.patch("/proxies/{proxy}/toxics/{toxic}", api.update_toxic),
            web.delete("/proxies/{proxy}/toxics/{toxic}", api.remove_toxic),
        ]
    )
    return app


class _Api:
    """The handlers of the routes."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    async def version(self, request: web.Request) -> web.Response:
        return _json({"version": VERSION})

    async def metrics(self, request: web.Request) -> web.Response:
        lines: list[str] = []
        for counter, help_text in _HELP.items():
            metric = f"toxiproxy_proxy_{counter}_bytes_total"
            lines += [f"# HELP {metric} {help_text}", f"# TYPE {metric} counter"]
            for proxy in self._proxies.by_name.values():
                for (name, stream), total in sorted(proxy.byte_totals().items()):
                    if name == counter:
                        lines.append(f"{metric}{{{_labels(proxy, stream)}}} {total}")
        return web.Response(text="\n".join([*lines, *_process_metrics(), ""]))

    async def connections(self, request: web.Request) -> web.Response:
        rows = [
            {"proxy": proxy.name, **connection.as_json()}
            for proxy in self._proxies.by_name.values()
            for connection in sorted(proxy.connections, key=lambda each: each.number)
        ]
        return _json({"connections": rows})

    async def reset(self, request: web.Request) -> web.Response:
        await self._proxies.reset()
        return web.Response(status=204)

    async def populate(self, request: web.Request) -> web.Response:
        populated: list[Proxy] = []
        try:
            await self._proxies.populate(await _body(request), populated)
        except errors.ApiError as error:
            answer: dict[str, Any] = {"error": error.message, "status": error.status}
            return _json(answer | _proxies_json(populated), error.status)
        return _json(_proxies_json(populated), 201)

    async def index(self, request: web.Request) -> web.Response:
        proxies = sorted(self._proxies.by_name.items())
        return _json({name: proxy.as_json() for name, proxy in proxies})

    async def create(self, request: web.Request) -> web.Response:
        proxy = await self._proxies.create(await _body(request))
        return _json(proxy.as_json(), 201)

    async def show(self, request: web.Request) -> web.Response:
        return _json(self._proxy(request).as_json())

    async def update(self, request: web.Request) -> web.Response:
        name = request.match_info["proxy"]
        self._proxies.get(name)  # as in Toxiproxy, 404 takes precedence over a bad body
        proxy = await self._proxies.update(name, await _body(request))
        return _json(proxy.as_json())

    async def remove(self, request: web.Request) -> web.Response:
        self._proxies.remove(request.match_info["proxy"])
        return web.Response(status=204)

    async def toxics(self, request: web.Request) -> web.Response:
        return _json([toxic.as_json() for toxic in self._proxy(request).toxics()])

    async def add_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        return _json(proxy.add_toxic(await _body(request)).as_json())

    async def show_toxic(self, request: web.Request) -> web.Response:
        return _json(self._proxy(request).toxic(request.match_info["toxic"]).as_json())

    async def update_toxic(self, request: web.Request) -> web.Response:
        proxy, name = self._proxy(request), request.match_info["toxic"]
        proxy.toxic(name)  # as in Toxiproxy, 404 takes precedence over a bad body
        return _json(proxy.update_toxic(name, await _body(request)).as_json())

    async def remove_toxic(self, request: web.Request) -> web.Response:
        self._proxy(request).remove_toxic(request.match_info["toxic"])
        return web.Response(status=204)

    def _proxy(self, request: web.Request) -> Proxy:
        return self._proxies.get(request.match_info["proxy"])


def _middleware(lock: asyncio.Lock) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            # Toxiproxy refuses browsers too: a web page must not be able to control the proxy.
            if request.headers.get("User-Agent", "").startswith("Mozilla/"):
                response: web.StreamResponse = _text("User agent not allowed\n", 403)
            else:
                if (request.content_length or 0) > BODY_MAX_BYTES:
                    raise errors.body_too_large(BODY_MAX_BYTES)
                # Before the lock: a request that stays incomplete must not hold up the others.
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    await request.read()
                async with lock:
                    response = await handler(request)
        except TimeoutError:
            response = _text("the body is incomplete\n", 408)
            response.force_close()
        except web.HTTPMethodNotAllowed:
            return web.Response(status=405)
        except web.HTTPNotFound:
            return _text("404 page not found\n", 404)
        except web.HTTPRequestEntityTooLarge:  # without a length that says so
            response = _error(errors.body_too_large(BODY_MAX_BYTES))
            response.force_close()
        except (web.RequestPayloadError, aiohttp.ClientError, ConnectionError) as error:
            response = _error(errors.bad_body(error))
            response.force_close()
        except errors.ApiError as error:
            response = _error(error)
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                response.force_close()
        response.headers[REQUEST_ID] = secrets.token_hex(10)
        return response

    return middleware


async def _body(request: web.Request) -> object:
    try:
        return msgspec.json.decode(await request.read())
    except RecursionError as error:
        raise errors.bad_body("exceeded max depth") from error
    except ValueError as error:  # malformed, or not UTF-8
        raise errors.bad_body(error) from error


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")


def _error(error: errors.ApiError) -> web.Response:
    body = msgspec.json.encode({"error": error.message, "status": error.status})
    return _text(body.decode() + "\n", error.status)


def _text(text: str, status: int) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, status=status, headers=headers)


def _process_metrics() -> list[str]:
    """Return what Prometheus clients tell of their own process."""
    process = psutil.Process()
    times = process.cpu_times()
    values: dict[str, tuple[str, float]] = {
        "process_cpu_seconds_total": ("counter", times.user + times.system),
        "process_open_fds": ("gauge", process.num_fds()),
        "process_resident_memory_bytes": ("gauge", process.memory_info().rss),
        "process_start_time_seconds": ("gauge", process.create_time()),
    }
    return [
        line
        for name, (kind, value) in values.items()
        for line in (f"# TYPE {name} {kind}", f"{name} {value}")
    ]


def _proxies_json(proxies: list[Proxy]) -> dict[str, Any]:
    return {"proxies": [proxy.as_json() for proxy in proxies]}


def _labels(proxy: Proxy, stream: str) -> str:
    labels = {"direction": stream, "listener": proxy.listen, "proxy": proxy.name}
    labels["upstream"] = proxy.upstream
    return ",".join(f"{key}={msgspec.json.encode(value).decode()}" for key, value in labels.items())
