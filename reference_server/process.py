"""What a server process does once it has its configuration.

It hosts the services that its configuration lists, and ends on SIGTERM or when its parent ends.
"""

import asyncio
import contextlib
import gc
import importlib
import logging
import runpy
import signal
from functools import partial

import msgspec
import uvloop

from gauntlet.reference_server.core import trail as trails
from gauntlet.reference_server.core.config import Config, ConfigError, parse_config
from gauntlet.reference_server.core.exit_with_parent import stop_with_parent
from gauntlet.reference_server.core.metrics import LoopLag, Metrics, running_tasks
from gauntlet.reference_server.edge import edge
from gauntlet.reference_server.gateway.dispatcher import Dispatcher
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.http.server import Listener, listen
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.services.assembly import SERVICES, Resources
from gauntlet.reference_server.services.base import Hosted, ServiceContext

EXIT_CONFIG = 4

log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Writes one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "t_s": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "context", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Host the configured services until `stop`."""
    run_hooks(config)
    if "edge" in config.services:
        await edge.serve(config, stop)
    else:
        await serve_http(config, stop)


async def serve_http(config: Config, stop: asyncio.Event) -> None:
    """Host HTTP services until `stop`; then finish the running calls and close everything."""
    metrics, lag = Metrics(), LoopLag()
    metrics.gauge("loop_lag_ms", lag.worst_ms)
    metrics.gauge("tasks", running_tasks)
    limits = (config.settings.call_timeout_ms, config.settings.body_bytes_max)
    client = ServiceClient(config.urls, config.internal_token, *limits)
    context = ServiceContext(config, metrics, client, trail=trails.begin(config))
    resources = Resources(context)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.callback(trails.write, context.trail, config)  # the last step of all
        cleanup.push_async_callback(client.close)
        cleanup.push_async_callback(resources.close)
        services: dict[str, Hosted] = {}
        for name in config.services:
            if name in SERVICES:
                services[name] = SERVICES[name](resources)
                cleanup.push_async_callback(services[name].close)
        routes = Router.merge(service.router for service in services.values())
        client.local.update({name: each.router.handle for name, each in services.items()})
        for service in services.values():
            await service.start()
        for other in SERVICES:
            metrics.gauge(f'breaker_open{{service="{other}"}}', partial(client.is_open, other))
        lag_task = asyncio.create_task(lag.watch())
        cleanup.callback(lag_task.cancel)
        if "message" not in services and config.urls.message:
            context.probes["message"] = partial(client.request, "message", "GET", "/readyz", dict)
        gateway = Gateway(context, lag.sustained_s) if "gateway" in config.services else None
        await listen(_listeners(context, routes, gateway), config, metrics, stop)


def _listeners(
    context: ServiceContext, services: Router, gateway: Gateway | None
) -> list[Listener]:
    """Return one port for all calls; with TLS another one before it, to which clients connect.

    The health check uses the last one, so a healthy process serves its clients as well.
    """
    config = context.config
    everything = Dispatcher(context, services, gateway).handle
    if config.tls is None:
        return [Listener(config.port, everything)]
    internal_calls = Dispatcher(context, services, None).handle
    return [
        Listener(config.tls.port, everything, config.tls),
        Listener(config.port, internal_calls),
    ]


def run_hooks(config: Config) -> None:
    """Call `install()` of every start-up hook of the hosted services."""
    for service in config.services:
        for module in config.startup_hooks.get(service, ()):
            log.warning("start-up hook %s", module)
            if module.endswith(".py"):
                runpy.run_path(module)["install"]()
            else:
                importlib.import_module(module).install()


async def _main(config: Config) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stop_with_parent(loop, stop)
    await serve(config, stop)


def run(line: bytes) -> int:
    """Run with the configuration of this line; return 4 if it is invalid, else 0."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("websockets").setLevel(logging.ERROR)
    for name in ("aio_pika", "aiormq"):  # the bus itself logs once when it is lost
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        config = parse_config(line)
    except ConfigError as error:
        log.error("configuration: %s", error)  # noqa: TRY400 - the message suffices without a traceback
        return EXIT_CONFIG
    # Calls in progress are many objects, and hardly any of them form cycles. A collection after
    # every 700 allocations, Python's default, took a sixth of a busy gateway's CPU time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    uvloop.run(_main(config))
    return 0
