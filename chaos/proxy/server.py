"""Serves the API and its proxies until it is stopped."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gauntlet.chaos.proxy import addresses
from gauntlet.chaos.proxy.api import BODY_MAX_BYTES, application
from gauntlet.chaos.proxy.collection import Proxies
from gauntlet.chaos.proxy.errors import ApiError
from gauntlet.chaos.proxy.proxy import Proxy
from gauntlet.core import os_limits
from gauntlet.core.errors import ConfigError, StackError

_SHUTDOWN_S = 1.0
_LINE_BYTES_MAX = 1024 * 1024  # of a request, as in Toxiproxy
_LINGER_S = 1.0  # for the rest of a body that was refused
_HEAD_TIMEOUT_S = 60.0  # also between two requests of one connection, as in Toxiproxy


class Options(NamedTuple):
    """Where the API listens, and the proxies to begin with (a JSON file as Toxiproxy reads it)."""

    host: str
    port: int
    seed: int = 0
    config: Path | None = None


Ready = Callable[[str, list[Proxy]], None]


def serve(
    options: Options, on_ready: Ready, watch: Callable[[Callable[[], None]], None] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` receives the address of the API and the proxies.

    `watch` is called with a function that stops the server, which is safe to call from any thread.
    Raises ConfigError if the file is wrong, StackError if an address cannot be used.
    """
    os_limits.raise_descriptors()  # each connection needs two
    uvloop.run(_serve(options, on_ready, watch))


def _in_one_line(record: logging.LogRecord) -> bool:
    """Log what is no HTTP without the traceback that aiohttp adds: it is the client's error."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg, record.args = "a request is no HTTP: %r", (record.exc_info[1].message,)
        record.exc_info = None
    return True


async def _serve(
    options: Options, on_ready: Ready, watch: Callable[[Callable[[], None]], None] | None
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    proxies = Proxies(options.seed)
    runner = _runner(proxies)
    await runner.setup()
    try:
        if options.config is not None:
            await _populate(proxies, options.config)
        await _listen(runner, options)
        if watch is not None:
            watch(lambda: _call_soon(loop, stopped.set))
        on_ready(
            f"http://{addresses.format_address(runner.addresses[0])}",
            list(proxies.by_name.values()),
        )
        await stopped.wait()
    finally:
        proxies.stop()
        await runner.cleanup()


def _runner(proxies: Proxies) -> web.AppRunner:
    logger = logging.getLogger("gauntlet.chaos.proxy.http")
    logger.addFilter(_in_one_line)
    return web.AppRunner(
        application(proxies),
        access_log=None,
        shutdown_timeout=_SHUTDOWN_S,
        keepalive_timeout=_HEAD_TIMEOUT_S,
        lingering_time=_LINGER_S,
        logger=logger,
        max_line_size=_LINE_BYTES_MAX,
    )


async def _populate(proxies: Proxies, config: Path) -> None:
    try:
        with config.open("rb") as file:
            content = file.read(BODY_MAX_BYTES + 1)  # it may be a device without end
        body = msgspec.json.decode(content[:BODY_MAX_BYTES])
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{config} cannot be read: {error}") from error
    if len(content) > BODY_MAX_BYTES:
        raise ConfigError(f"{config} has more than {BODY_MAX_BYTES} bytes")
    try:
        await proxies.populate(body, [])
    except ApiError as error:
        wrong = error.status < 500  # else the file is right, and an address cannot be used
        raise (ConfigError if wrong else StackError)(f"{config}: {error.message}") from error


async def _listen(runner: web.AppRunner, options: Options) -> None:
    wanted = addresses.format_address((options.host, options.port))
    try:
        # A name of several addresses would be given one free port for each.
        address = await addresses.resolve(wanted)
    except ApiError as error:
        raise ConfigError(f"the API cannot listen on {wanted}: {error.message}") from error
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StackError(f"the API cannot listen on {address}: {reason}") from error


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(callback)
