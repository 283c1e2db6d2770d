"""One server process: `python -P -m reference_server.process`, its configuration on standard input.

It hosts the services that the configuration lists, and ends on SIGTERM or when its parent is gone.
"""

import asyncio
import contextlib
import ctypes
import hmac
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping

import msgspec
import uvicorn
import uvloop

from reference_server import edge
from reference_server.asgi import App, Request, Response, Router, failure, reply
from reference_server.calls import DEVICE_HEADER, INTERNAL_HEADER, USER_HEADER, Calls
from reference_server.config import Config, ConfigError, parse_config
from reference_server.errors import ApiError
from reference_server.gateway import Gateway
from reference_server.metrics import LoopLag, Metrics
from reference_server.services.base import Context, Service
from reference_server.services.friend import FriendService
from reference_server.services.message import MessageService
from reference_server.services.room import RoomService
from reference_server.services.sessions import SessionsService
from reference_server.services.sticker import StickerService

EXIT_CONFIG = 4
GRACE_S = 2
KEEP_ALIVE_S = 60
PR_SET_PDEATHSIG = 1

SERVICES: Mapping[str, Callable[[Context], Service]] = {
    "message": MessageService,
    "room": RoomService,
    "sessions": SessionsService,
    "friend": FriendService,
    "sticker": StickerService,
}

log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "t_s": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class Front:
    """The first to see a call: our own processes reach the services, clients the gateway."""

    def __init__(self, config: Config, metrics: Metrics, services: Router, calls: Calls) -> None:
        self._config = config
        self._metrics = metrics
        self._services = services
        self._gateway = Gateway(calls, config.secret) if "gateway" in config.services else None

    async def handle(self, request: Request) -> Response:
        """The answer to any call."""
        if request.path == "/healthz":
            services = list(self._config.services)
            return reply({"status": "ok", "name": self._config.name, "services": services})
        if request.path == "/metrics":
            text = self._metrics.render().encode()
            return Response(200, text, {"content-type": "text/plain; version=0.0.4"})
        self._metrics.add("requests_total")
        response = await self._route(request)
        if response.status >= 500:
            self._metrics.add("requests_failed_total")
        return response

    async def _route(self, request: Request) -> Response:
        proof = request.headers.get(INTERNAL_HEADER, "")
        if hmac.compare_digest(proof.encode(), self._config.internal_token.encode()):
            user = request.headers.get(USER_HEADER, "")
            device = request.headers.get(DEVICE_HEADER, "")
            known = msgspec.structs.replace(request, user=user, device=device)
            return await self._services.handle(known)
        if self._gateway is not None:
            return await self._gateway.handle(request)
        return failure(ApiError("unauthorized", "this is no gateway"))


class _Server(uvicorn.Server):
    """uvicorn, with the process's own signal handling."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Host what the configuration lists until `stop`."""
    run_hooks(config)
    if "edge" in config.services:
        await edge.serve(config, stop)
    else:
        await serve_http(config, stop)


async def serve_http(config: Config, stop: asyncio.Event) -> None:
    """Host HTTP services until `stop`; then finish the calls that run, and let go of everything."""
    metrics, lag = Metrics(), LoopLag()
    metrics.gauge("loop_lag_ms", lag.worst_ms)
    calls = Calls(config.urls, config.internal_token, config.settings.call_timeout_ms)
    context = Context(config, metrics, calls)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.push_async_callback(calls.close)
        cleanup.push_async_callback(context.close)
        services: dict[str, Service] = {}
        for name in config.services:
            if name in SERVICES:
                services[name] = SERVICES[name](context)
                cleanup.push_async_callback(services[name].close)
        routes = Router.joined(service.router for service in services.values())
        calls.local.update({name: each.router.handle for name, each in services.items()})
        for service in services.values():
            await service.start()
        watch = asyncio.create_task(lag.watch())
        cleanup.callback(watch.cancel)
        front = Front(config, metrics, routes, calls)
        await _listen(App(front.handle, config.settings.body_bytes_max), config, stop)


def run_hooks(config: Config) -> None:
    """Call `install()` of every start-up hook of the services hosted here."""
    for service in config.services:
        for module in config.startup_hooks.get(service, ()):
            log.warning("start-up hook %s", module)
            importlib.import_module(module).install()


async def _listen(app: App, config: Config, stop: asyncio.Event) -> None:
    listener = socket.create_server((config.host, config.port), backlog=2048)
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


async def _main(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    await serve(config, stop)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Standard input ends when the parent does."""
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stop.set)


def _die_with_parent() -> None:
    """Have the kernel end this process with its parent, even if it is stopped; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read_line() -> bytes:
    """The first line of standard input, and nothing after it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def main() -> int:
    """Be one process of the server; 4 when the configuration cannot be used."""
    _die_with_parent()
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("uvicorn", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        config = parse_config(_read_line())
    except ConfigError as error:
        log.error("configuration: %s", error)  # noqa: TRY400 - the message says it all
        return EXIT_CONFIG
    uvloop.run(_main(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
