"""`gauntlet cutover`, `scale`, `rolling`: act on a running system, and follow it to the end."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gauntlet.chaos.clients.cluster_control import ControlClient, RefusedError
from gauntlet.core.errors import ConfigError, Exit

VARIABLE = "GAUNTLET_CONTROL"
POLL_S = 0.2
OVER = ("idle", "done", "rolled-back", "failed")
ENVIRONMENTS = ("blue", "green")


class _Address(msgspec.Struct):
    """What `gauntlet serve` writes for whoever may steer it."""

    control: str
    token: str


def connect(file: Path | None) -> ControlClient:
    """The system whose control file is given here or in `GAUNTLET_CONTROL`; ConfigError."""
    named = file or os.environ.get(VARIABLE)
    if not named:
        raise ConfigError(
            f"which system? Give the control file that `gauntlet serve` prints, by --control or "
            f"in {VARIABLE}"
        )
    try:
        address = msgspec.json.decode(Path(named).read_bytes(), type=_Address)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{named}: {error}") from error
    return ControlClient(address.control, address.token)


def cutover(control: ControlClient, to: str, *, drain_ms: int, canaries: bool) -> Exit:
    """Move every client to an environment; FAILED when it went back or failed."""
    began_ns = time.monotonic_ns()
    _ask(lambda: control.begin_cutover(to, drain_ms=drain_ms, canaries=canaries))
    return _follow_cutover(control, began_ns, wanted="done")


def roll_back(control: ControlClient) -> Exit:
    """Send everybody back to where the running cutover began."""
    began_ns = time.monotonic_ns()
    _ask(control.roll_back_cutover)
    return _follow_cutover(control, began_ns, wanted="rolled-back")


def show(control: ControlClient) -> Exit:
    """Where the system stands: environment, connections, every component, the last cutover."""
    status = control.cutover()
    connections = "  ".join(f"{name} {count}" for name, count in status.connections.items())
    print(f"new clients go to {status.environment}; connected: {connections}")
    print(f"cutover: {status.state}" + (f" ({status.error})" if status.error else ""))
    for component in control.components().values():
        print(f"  {component.name:14} {component.state:9} restarts {component.restarts}")
    return Exit.OK


def scale_out(control: ControlClient) -> Exit:
    """Start the first spare edge of the environment in use; ConfigError if there is none left."""
    environment = control.cutover().environment
    spare = [
        component.name
        for component in control.components().values()
        if (component.environment, component.state) == (environment, "planned")
    ]
    if not spare:
        raise ConfigError(f"no edge of {environment} is left; a layout's `spare` plans more")
    _ask(lambda: control.start(spare[0]))
    print(f"{spare[0]} takes clients")
    return Exit.OK


def scale_in(control: ControlClient, edge: str, *, drain_ms: int) -> Exit:
    """Move one edge's clients to its neighbours and end it; FAILED if it had to keep them."""
    _ask(lambda: control.drain(edge, drain_ms=drain_ms))
    print(f"{edge} tells its clients to go", flush=True)
    while (state := control.components()[edge].state) == "draining":
        time.sleep(POLL_S)
    print(f"{edge} has ended" if state == "planned" else f"{edge} keeps its clients: it is {state}")
    return Exit.OK if state == "planned" else Exit.FAILED


def update(control: ControlClient) -> Exit:
    """Restart every gateway and service, one after the other."""
    _ask(control.begin_rolling_update)
    shown = 0
    while True:
        status = control.rolling_update()
        for step in status.steps[shown:]:
            print(f"{step.component:14} {step.state}", flush=True)
        shown = len(status.steps)
        if status.state != "running":
            print(f"rolling update: {status.error or status.state}")
            return Exit.OK if status.state == "done" else Exit.FAILED
        time.sleep(POLL_S)


def _follow_cutover(control: ControlClient, began_ns: int, *, wanted: str) -> Exit:
    """Print each state as it is entered, until the last one."""
    shown = 0
    while True:
        status = control.cutover()
        steps = [step for step in status.steps if step.t_ns > began_ns]
        for step in steps[shown:]:
            line = f"{(step.t_ns - began_ns) / 1e9:6.1f} s  {step.state:12}"
            print(line, (step.detail or {}).get("reason", ""), flush=True)
        shown = len(steps)
        if status.state in OVER:
            counts = "  ".join(f"{name} {count}" for name, count in status.connections.items())
            print(f"connected: {counts}  told: {status.told}  forced: {status.forced_closes}")
            return Exit.OK if status.state == wanted else Exit.FAILED
        time.sleep(POLL_S)


def _ask(call: Callable[[], None]) -> None:
    """What the system refuses, it has not begun: bad usage, not a failure."""
    try:
        call()
    except RefusedError as error:
        raise ConfigError(str(error)) from error
