"""`python -P -m gauntlet.reference_server.cluster`: plan, advertise, ready over standard streams.

See `docs/reference/control-api.md`.
"""

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

from gauntlet.reference_server.cluster.control_api import ControlApi
from gauntlet.reference_server.cluster.engines import data_lock, python_process, stored_positions
from gauntlet.reference_server.cluster.engines.catalog import (
    check_binaries,
    make_launch_specs,
    probe,
)
from gauntlet.reference_server.cluster.engines.private_files import store_password
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
from gauntlet.reference_server.core.tls import Certificates

EXIT_START_FAILED = 3
FIRST_ENVIRONMENT = planning.ENVIRONMENTS[0]


def main() -> int:
    """Run one cluster until standard input ends or SIGTERM arrives; return the exit code."""
    if sys.argv[1:] == ["--probe"]:
        write_line(probe())
        return 0
    return asyncio.run(_main())


async def _main() -> int:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # Only once: a second signal must not interrupt the shutdown.
        if not cluster.cancelling():
            cluster.cancel()

    cluster = asyncio.create_task(_run_cluster(stop))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await cluster
    except asyncio.CancelledError:
        return 0
    except (ClusterError, msgspec.MsgspecError) as error:
        failed = error.failed() if isinstance(error, ClusterError) else _bad_line(error)
        write_message(failed=failed)
        return EXIT_START_FAILED
    return 0


async def _run_cluster(stop: Callable[[], None]) -> None:
    lines = await _open_standard_input()
    if not (line := await lines.readline()):
        return
    request = msgspec.json.decode(line, type=planning.ClusterRequest)
    settings = _settings(request)
    allocate = PortAllocator()
    plan = planning.make_plan(request, allocate, tls=settings.tls)
    check_binaries(plan)
    write_message(plan=plan.as_json())
    if not (line := await lines.readline()):
        return
    answer = msgspec.json.decode(line, type=planning.Advertisement)
    answer.check(plan)
    watch = asyncio.create_task(_wait_for_end_of_input(lines, stop))
    data_dir, log_dir = (Path(text).absolute() for text in (request.data_dir, request.log_dir))
    for folder in (data_dir, log_dir):
        folder.mkdir(parents=True, exist_ok=True)
    data_lock.hold(data_dir)  # before anything in it is changed
    # Only now: a PostgreSQL that root starts runs as another user, who has to reach its folder.
    os.umask(0o077)
    tokens = os.environ.get("IM_SECRET") or secrets.token_hex(32), secrets.token_hex(16)
    certificates = _issue_certificates(data_dir) if settings.tls else None
    wiring = Wiring(
        plan,
        answer.advertise,
        data_dir,
        *tokens,
        store_password(data_dir),
        settings,
        request.startup_hooks,
        certificates,
        str(Path(request.trail_dir).absolute()) if request.trail_dir else "",
        answer.disks,
        answer.environment,
    )
    supervisor = Supervisor(plan, make_launch_specs(wiring, log_dir), write_event)
    try:
        await _serve(supervisor, wiring, allocate())
    finally:
        watch.cancel()
        await stored_positions.write_trail(wiring)
        await supervisor.stop()


def _issue_certificates(data_dir: Path) -> Certificates:
    # Only here, because the import is slow.
    from gauntlet.reference_server.cluster import certificates

    return certificates.issue(data_dir)


def _settings(request: planning.ClusterRequest) -> Settings:
    try:
        file_values = read_file(Path(request.config_file)) if request.config_file else {}
        return load_settings(file_values, os.environ, request.config)
    except SettingsError as error:
        raise RequestError(f"configuration: {error}") from error


async def _serve(supervisor: Supervisor, wiring: Wiring, port: int) -> None:
    """Start the components, write `ready`, and serve the control API until cancelled."""
    plan, token = wiring.plan, secrets.token_hex(16)
    await supervisor.start(
        component.name
        for component in plan.components
        if component.environment in (None, FIRST_ENVIRONMENT) and not component.spare
    )
    async with aiohttp.ClientSession(headers={"X-Internal": wiring.internal_token}) as http:
        driver = CutoverDriver(supervisor, wiring, http)
        # In a data folder that was used before, the other environment may be stored.
        await driver.switch(FIRST_ENVIRONMENT)
        control = ControlApi(supervisor, driver, http, token, wiring.store_password)
        try:
            url = await control.open(port)
            api = [
                wiring.api_url(wiring.address(planning.CLIENT, gateway.name))
                for gateway in plan.hosting("gateway")
            ]
            ca = "" if wiring.certificates is None else str(wiring.certificates.ca)
            ready = {"control": url, "token": token, "api": api, "ca": ca}
            write_message(ready={**ready, "builds": python_process.builds(wiring)})
            await asyncio.Event().wait()
        finally:
            await control.close()
            await driver.close()


async def _open_standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _wait_for_end_of_input(lines: asyncio.StreamReader, stop: Callable[[], None]) -> None:
    """Call `stop` when the parent closes the pipe or is gone."""
    while await lines.readline():
        pass
    stop()


def _bad_line(error: Exception) -> dict[str, Any]:
    return RequestError(f"invalid line on standard input: {error}").failed()


def write_message(**message: object) -> None:
    """Write one line of the protocol: a JSON object with one key."""
    write_line(json.dumps(message, separators=(",", ":")))


def write_event(component: str, event: str, pid: int | None, detail: dict[str, Any]) -> None:
    """Write an `event` line."""
    fields = {"component": component, "event": event, "pid": pid, "detail": detail}
    write_message(event={"t_ns": time.monotonic_ns(), **fields})


def write_line(line: str) -> None:
    """Write a line; does nothing if the reader is gone."""
    with contextlib.suppress(BrokenPipeError):
        # Unbuffered: after a broken pipe, Python must not try to flush the line again at exit.
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
