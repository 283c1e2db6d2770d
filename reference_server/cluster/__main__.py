"""`python -P -m reference_server.cluster`: plan, advertise, ready over standard streams."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from gauntlet.reference_server.cluster.control_api import Control
from gauntlet.reference_server.cluster.engines import check_binaries, make_launches, probe
from gauntlet.reference_server.cluster.engines.python_process import Wiring
from gauntlet.reference_server.cluster.rollout.driver import CutoverDriver
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology import plan as planning
from gauntlet.reference_server.cluster.topology.errors import ClusterError, RequestError
from gauntlet.reference_server.cluster.topology.ports import PortAllocator
from gauntlet.reference_server.cluster.topology.settings import (
    SettingsError,
    load_settings,
    read_file,
)
from gauntlet.reference_server.core.config import Settings

EXIT_FAILED = 3
FIRST = planning.ENVIRONMENTS[0]


def main() -> int:
    """Run one cluster until standard input ends or SIGTERM comes; returns the exit code."""
    if sys.argv[1:] == ["--probe"]:
        write_line(probe())
        return 0
    return asyncio.run(_main())


async def _main() -> int:
    loop = asyncio.get_running_loop()

    def end() -> None:
        # Once: a second signal must not interrupt the ending.
        if not cluster.cancelling():
            cluster.cancel()

    cluster = asyncio.create_task(_cluster(end))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        await cluster
    except asyncio.CancelledError:
        return 0
    except (ClusterError, msgspec.MsgspecError) as error:
        tell(failed=error.failed() if isinstance(error, ClusterError) else _bad_line(error))
        return EXIT_FAILED
    return 0


async def _cluster(end: Callable[[], None]) -> None:
    lines = await _standard_input()
    if not (line := await lines.readline()):
        return
    request = msgspec.json.decode(line, type=planning.Request)
    settings = _settings(request)
    allocate = PortAllocator()
    plan = planning.make_plan(request, allocate)
    check_binaries(plan)
    tell(plan=plan.as_json())
    if not (line := await lines.readline()):
        return
    advertise = msgspec.json.decode(line, type=dict[str, dict[str, str]])["advertise"]
    planning.check_advertise(plan, advertise)
    watch = asyncio.create_task(_watch_end(lines, end))
    data_dir, log_dir = (Path(text).absolute() for text in (request.data_dir, request.log_dir))
    for folder in (data_dir, log_dir):
        folder.mkdir(parents=True, exist_ok=True)
    tokens = os.environ.get("IM_SECRET") or secrets.token_hex(32), secrets.token_hex(16)
    wiring = Wiring(plan, advertise, data_dir, *tokens, settings, request.startup_hooks)
    supervisor = Supervisor(plan, make_launches(wiring, log_dir), tell_event)
    try:
        await _serve(supervisor, wiring, allocate())
    finally:
        watch.cancel()
        await supervisor.stop()


def _settings(request: planning.Request) -> Settings:
    try:
        file_values = read_file(Path(request.config_file)) if request.config_file else {}
        return load_settings(file_values, os.environ, request.config)
    except SettingsError as error:
        raise RequestError(f"configuration: {error}") from error


async def _serve(supervisor: Supervisor, wiring: Wiring, port: int) -> None:
    """Boot, announce, and serve the control API until cancelled."""
    plan, token = wiring.plan, secrets.token_hex(16)
    await supervisor.start(
        each.name
        for each in plan.components
        if each.environment in (None, FIRST) and not each.spare
    )
    async with aiohttp.ClientSession(headers={"X-Internal": wiring.internal_token}) as http:
        driver = CutoverDriver(supervisor, wiring, http)
        # A data folder that was used before may remember the other environment.
        await driver.switch(FIRST)
        control = Control(supervisor, driver, http, token)
        try:
            url = await control.open(port)
            api = [f"http://{wiring.at('client', each.name)}" for each in plan.hosting("gateway")]
            tell(ready={"control": url, "token": token, "api": api})
            await asyncio.Event().wait()
        finally:
            await control.close()
            await driver.close()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _watch_end(lines: asyncio.StreamReader, end: Callable[[], None]) -> None:
    """Call `end` when our parent closes the pipe, or is gone."""
    while await lines.readline():
        pass
    end()


def _bad_line(error: Exception) -> dict[str, Any]:
    return RequestError(f"the line on standard input cannot be used: {error}").failed()


def tell(**message: object) -> None:
    """Write one line of the protocol: an object with one key."""
    write_line(json.dumps(message, separators=(",", ":")))


def tell_event(component: str, event: str, pid: int | None, detail: dict[str, Any]) -> None:
    """Write an `event` line."""
    shown = {"component": component, "event": event, "pid": pid, "detail": detail}
    tell(event={"t_ns": time.monotonic_ns(), **shown})


def write_line(line: str) -> None:
    """Write a line. Nobody may be left to read it, and then nothing is lost."""
    with contextlib.suppress(BrokenPipeError):
        # Unbuffered: what a broken pipe refused must not be tried again at exit.
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
