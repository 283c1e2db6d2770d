"""`python -P -m reference_server.cluster`: plan, advertise, ready over standard streams."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from reference_server.cluster import plan as planning
from reference_server.cluster.control import Control
from reference_server.cluster.cutover_driver import CutoverDriver
from reference_server.cluster.errors import RequestError, StartError
from reference_server.cluster.launches import check_binaries, make_launches, probe
from reference_server.cluster.ports import PortAllocator
from reference_server.cluster.python_process import Wiring
from reference_server.cluster.supervisor import Supervisor
from reference_server.config import Settings

EXIT_FAILED = 3
FIRST = planning.ENVIRONMENTS[0]


def main() -> int:
    """Run one cluster until standard input ends or SIGTERM comes; returns the exit code."""
    if sys.argv[1:] == ["--probe"]:
        tell_line(probe())
        return 0
    return asyncio.run(_main())


async def _main() -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lines = await _standard_input()
    cluster = asyncio.create_task(_cluster(lines, stop))
    stopping = asyncio.create_task(stop.wait())
    # A stop wins at any moment; the cluster's own `finally` then ends what was started.
    await asyncio.wait({cluster, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not cluster.done():
        cluster.cancel()
    try:
        await cluster
    except asyncio.CancelledError:
        return 0
    except (StartError, RequestError, msgspec.MsgspecError) as error:
        tell("failed", _failure(error))
        return EXIT_FAILED
    return 0


async def _cluster(lines: asyncio.StreamReader, stop: asyncio.Event) -> None:
    request = msgspec.json.decode(await lines.readline(), type=planning.Request)
    settings = msgspec.convert(request.config, Settings)
    allocate = PortAllocator()
    plan = planning.make_plan(request, allocate)
    check_binaries(plan)
    tell("plan", plan.as_json())
    answer = msgspec.json.decode(await lines.readline(), type=dict[str, dict[str, str]])
    advertise = answer.get("advertise", {})
    planning.check_advertise(plan, advertise)
    watch = asyncio.create_task(_watch_end(lines, stop))
    data_dir, log_dir = (Path(text).absolute() for text in (request.data_dir, request.log_dir))
    data_dir.mkdir(parents=True, exist_ok=True)
    log_dir.mkdir(parents=True, exist_ok=True)
    wiring = Wiring(
        plan=plan,
        advertise=advertise,
        data_dir=data_dir,
        secret=secrets.token_hex(32),
        internal_token=secrets.token_hex(16),
        settings=settings,
        startup_hooks=request.startup_hooks,
    )
    supervisor = Supervisor(plan, make_launches(wiring, log_dir), tell_event)
    try:
        await _serve(supervisor, wiring, allocate())
    finally:
        watch.cancel()
        await supervisor.stop()


async def _serve(supervisor: Supervisor, wiring: Wiring, port: int) -> None:
    """Boot, announce, and serve the control API until cancelled."""
    token = secrets.token_hex(16)
    async with aiohttp.ClientSession(
        headers={"X-Internal": wiring.internal_token}, timeout=aiohttp.ClientTimeout(total=10)
    ) as http:
        await supervisor.start(
            each.name for each in wiring.plan.components if each.environment in (None, FIRST)
        )
        driver = CutoverDriver(supervisor, wiring, http, FIRST)
        control = Control(supervisor, driver, http, token)
        try:
            url = await control.open(port)
            api = [
                f"http://{wiring.at('client', each.name)}"
                for each in wiring.plan.hosting("gateway")
            ]
            tell("ready", {"control": url, "token": token, "api": api})
            await asyncio.Event().wait()
        finally:
            await control.close()
            await driver.close()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _watch_end(lines: asyncio.StreamReader, stop: asyncio.Event) -> None:
    """Set `stop` when our parent closes the pipe, or is gone."""
    while await lines.readline():
        pass
    stop.set()


def _failure(error: StartError | RequestError | msgspec.MsgspecError) -> dict[str, Any]:
    if isinstance(error, StartError):
        return {
            "component": error.component,
            "reason": error.reason,
            "log_tail": error.log_tail,
            "missing": error.missing,
        }
    return {"component": "cluster", "reason": str(error), "log_tail": [], "missing": False}


def tell(kind: str, value: object) -> None:
    """Write one line of the protocol."""
    tell_line(json.dumps({kind: value}, separators=(",", ":")))


def tell_line(line: str) -> None:
    """Write a line. Nobody may be left to read it, and then nothing is lost."""
    with contextlib.suppress(BrokenPipeError):
        # Unbuffered: what a broken pipe refused must not be tried again at exit.
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def tell_event(component: str, event: str, pid: int | None, detail: dict[str, Any]) -> None:
    """Write an `event` line."""
    row = {
        "t_ns": time.monotonic_ns(),
        "component": component,
        "event": event,
        "pid": pid,
        "detail": detail,
    }
    tell("event", row)


if __name__ == "__main__":
    sys.exit(main())
