"""`gauntlet cutover`, `scale` and `rolling`: act on a running system, and follow it to the end."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gauntlet.chaos.clients.cluster_control import ControlClient, RefusedError
from gauntlet.core.errors import ConfigError, Exit

VARIABLE = "GAUNTLET_CONTROL"
POLL_S = 0.2
_FINAL_STATES = ("idle", "done", "rolled-back", "failed")
ENVIRONMENTS = ("blue", "green")


class _Address(msgspec.Struct):
    """The control file that `gauntlet serve` writes for those who may operate the server."""

    control: str
    token: str


def connect(file: Path | None) -> ControlClient:
    """Connect to the system of this control file, or of the one that GAUNTLET_CONTROL names."""
    path = file or os.environ.get(VARIABLE)
    if not path:
        raise ConfigError(
            "no system to act on: give the control file that `gauntlet serve` prints with "
            f"--control, or in {VARIABLE}"
        )
    try:
        address = msgspec.json.decode(Path(path).read_bytes(), type=_Address)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"the control file {path} cannot be read: {error}") from error
    return ControlClient(address.control, address.token)


def cutover(control: ControlClient, to: str, *, drain_ms: int, canaries: bool) -> Exit:
    """Move every client to an environment; FAILED if the cutover failed or was rolled back."""
    began_ns = time.monotonic_ns()
    _request(lambda: control.begin_cutover(to, drain_ms=drain_ms, canaries=canaries))
    return _follow_cutover(control, began_ns, expected="done")


def roll_back(control: ControlClient) -> Exit:
    """Move every client back to where the running cutover began."""
    began_ns = time.monotonic_ns()
    _request(control.roll_back_cutover)
    return _follow_cutover(control, began_ns, expected="rolled-back")


def show(control: ControlClient) -> Exit:
    """Print the environment, connections, the last cutover, and every component."""
    status = control.cutover()
    connections = "  ".join(f"{name} {count}" for name, count in status.connections.items())
    print(f"new clients connect to {status.environment}; connected: {connections}")
    print(f"cutover: {status.state}" + (f" ({status.error})" if status.error else ""))
    for component in control.components().values():
        print(f"  {component.name:14} {component.state:9} restarts {component.restarts}")
    return Exit.OK


def scale_out(control: ControlClient) -> Exit:
    """Start the first spare edge of the current environment; ConfigError if none is left."""
    environment = control.cutover().environment
    spare = [
        component.name
        for component in control.components().values()
        if (component.environment, component.state) == (environment, "planned")
    ]
    if not spare:
        raise ConfigError(
            f"no spare edge of {environment} is left; plan more with `spare` in the layout"
        )
    _request(lambda: control.start(spare[0]))
    print(f"{spare[0]} accepts clients")
    return Exit.OK


def scale_in(control: ControlClient, edge: str, *, drain_ms: int) -> Exit:
    """Drain one edge and stop it; FAILED if its clients could not be moved."""
    _request(lambda: control.drain(edge, drain_ms=drain_ms))
    print(f"{edge} is draining its clients", flush=True)
    while (state := control.components()[edge].state) == "draining":
        time.sleep(POLL_S)
    if state == "planned":
        print(f"{edge} has stopped")
        return Exit.OK
    print(f"{edge} keeps its clients: its state is {state}")
    return Exit.FAILED


def update(control: ControlClient) -> Exit:
    """Restart every gateway and service, one after the other; FAILED if one did not come back."""
    _request(control.begin_rolling_update)
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


def _follow_cutover(control: ControlClient, began_ns: int, *, expected: str) -> Exit:
    """Print each state as it is entered, until the cutover is over."""
    shown = 0
    while True:
        status = control.cutover()
        steps = [step for step in status.steps if step.t_ns > began_ns]
        for step in steps[shown:]:
            line = f"{(step.t_ns - began_ns) / 1e9:6.1f} s  {step.state:12}"
            print(line, (step.detail or {}).get("reason", ""), flush=True)
        shown = len(steps)
        if status.state in _FINAL_STATES:
            counts = "  ".join(f"{name} {count}" for name, count in status.connections.items())
            print(
                f"connected: {counts}  asked to reconnect: {status.told}  "
                f"closed: {status.forced_closes}"
            )
            return Exit.OK if status.state == expected else Exit.FAILED
        time.sleep(POLL_S)


def _request(call: Callable[[], None]) -> None:
    """Make a request; one that the system refuses is bad usage, because nothing was begun."""
    try:
        call()
    except RefusedError as error:
        raise ConfigError(str(error)) from error
