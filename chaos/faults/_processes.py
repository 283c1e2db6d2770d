"""What faults on processes share: selecting the components and observing their state."""

import socket
from collections.abc import Callable, Iterable

import psutil

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import first_by_name
from gauntlet.core.errors import RollbackError

_DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_CONNECT_TIMEOUT_S = 0.5
_BACK_S = 5.0  # for components that another fault, which has just ended, brings back


def running(context: Context, target: str, wanted: int) -> dict[str, Component]:
    """Return the running components of a target, after a wait if they are fewer than wanted.

    A fault that begins when another one ends would otherwise find its component still starting.
    """

    def enough() -> dict[str, Component] | None:
        found = context.running(target)
        return found if len(found) >= wanted else None

    return poll(enough, _BACK_S, context.stop) or context.running(target)


def select_victims(context: Context, target: str, count: int | None) -> dict[str, Component]:
    """Return the first `count` (None: all) running components of a target, by name.

    Raises FaultFailed if none is running.
    """
    found = running(context, target, count or 1)
    names = first_by_name(found, len(found) if count is None else count)
    if not names:
        raise FaultFailed(f"no component of {target} is running")
    return {name: found[name] for name in names}


def process_state(pid: int | None) -> str:
    """Return the status of a process as psutil names it, or `gone` (also for a zombie)."""
    if pid is None:
        return "gone"
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return "gone"
    return "gone" if status in _DEAD else str(status)


def port_state(address: str | None) -> str:
    """Return `open` or `refused`, or `none` for a component that does not listen."""
    if address is None:
        return "none"
    host, _, port = address.rpartition("/")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT_S).close()
    except OSError:
        return "refused"
    return "open"


def prove_each(
    context: Context,
    victims: dict[str, Component],
    inspect: Callable[[Component], tuple[bool, Evidence]],
) -> Evidence:
    """Wait until `inspect` confirms the fault for every victim; return the evidence by name.

    `inspect` returns whether the fault is visible, and the evidence. Raises FaultFailed, with the
    last evidence, if it is not visible in time.
    """
    inspected: dict[str, tuple[bool, Evidence]] = {}

    def all_visible() -> bool | None:
        inspected.update({name: inspect(victim) for name, victim in victims.items()})
        return all(visible for visible, _ in inspected.values()) or None

    proven = poll(all_visible, PROVE_S, context.stop)
    evidence = {name: details for name, (_, details) in inspected.items()}
    if not proven:
        raise FaultFailed("the processes do not show the fault", evidence)
    return evidence


def start_stopped(
    context: Context, names: Iterable[str], states: tuple[str, ...] = ("held", "exited")
) -> list[str]:
    """Start the components that are held down, or whose last start failed; return their names."""
    control = context.require_control()
    components = control.components()
    stopped = [name for name in names if components[name].state in states]
    for name in stopped:
        control.start(name)
    return stopped


def verify_running(context: Context, names: list[str], *, also: tuple[str, ...] = ()) -> Evidence:
    """Wait until every component is up and its process runs; return the states by name.

    A component that a cutover has retired meanwhile (`planned`), or that is in one of the states
    `also`, may stay down. Raises RollbackError if one is not up in time.
    """

    def all_running() -> Evidence | None:
        components = context.require_control().components()
        states = {
            name: (components[name].state, process_state(components[name].pid)) for name in names
        }
        recovered = all(
            state in ("planned", *also) or (state == "up" and process not in ("gone", "stopped"))
            for state, process in states.values()
        )
        return {name: state for name, (state, _) in states.items()} if recovered else None

    evidence = poll(all_running, VERIFY_S) if names else {}
    if evidence is None:
        raise RollbackError(f"not running after the heal: {', '.join(names)}")
    return evidence
