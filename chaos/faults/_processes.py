"""What the faults on processes share: choosing victims, and watching what became of them."""

import socket
from collections.abc import Callable

import psutil

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import pick
from gauntlet.core.errors import RollbackError

_DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_REFUSED_S = 0.5


def victims(context: Context, target: str, count: int | None) -> dict[str, Component]:
    """The first `count` (None: all) running components of a target; FaultFailed if none runs."""
    running = context.running(target)
    names = pick(running, len(running) if count is None else count)
    if not names:
        raise FaultFailed(f"nothing of {target} is running")
    return {name: running[name] for name in names}


def process_state(pid: int | None) -> str:
    """A process's status in psutil's words, or `gone`."""
    if pid is None:
        return "gone"
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return "gone"
    return "gone" if status in _DEAD else str(status)


def port_state(address: str | None) -> str:
    """`open` or `refused`; `none` for a component that listens nowhere."""
    if address is None:
        return "none"
    host, _, port = address.rpartition("/")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_REFUSED_S).close()
    except OSError:
        return "refused"
    return "open"


def prove_each(
    context: Context, hit: dict[str, Component], look: Callable[[Component], tuple[bool, Evidence]]
) -> Evidence:
    """Wait until `look` says yes to every victim; FaultFailed with what it saw otherwise."""
    seen: dict[str, tuple[bool, Evidence]] = {}

    def all_show() -> bool | None:
        seen.update({name: look(victim) for name, victim in hit.items()})
        return all(yes for yes, _ in seen.values()) or None

    shows = poll(all_show, PROVE_S, context.stop)
    facts = {name: its for name, (_, its) in seen.items()}
    if not shows:
        raise FaultFailed("the processes do not show the fault", facts)
    return facts


def verify_running(context: Context, names: list[str]) -> Evidence:
    """Every component is up again, its process runs; one that a cutover retired may stay down."""

    def all_run() -> Evidence | None:
        now = context.require_control().components()
        states = {name: (now[name].state, process_state(now[name].pid)) for name in names}
        whole = all(
            state == "planned" or (state == "up" and process not in ("gone", "stopped"))
            for state, process in states.values()
        )
        return {name: state for name, (state, _) in states.items()} if whole else None

    found = {} if not names else poll(all_run, VERIFY_S)
    if found is None:
        raise RollbackError(f"not running again: {', '.join(names)}")
    return found
