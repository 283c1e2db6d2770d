"""Brings back all components after the last disruption, and says which ones stay away."""

import time
from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.core.errors import StackError

_WITHIN_S = 60.0  # for components that the cluster is starting by itself
_POLL_S = 0.5


class Control(Protocol):
    """What is needed of the control API."""

    def components(self) -> Mapping[str, Component]:
        """Return every component by name."""

    def start(self, name: str) -> None:
        """Start it, and wait until it is healthy."""

    def resume(self, name: str) -> None:
        """Resume it."""


class Restored(NamedTuple):
    """The calls that failed, and the components that are not up with their states."""

    errors: tuple[str, ...]
    missing: tuple[str, ...]


def restore(control: Control, names: Collection[str], within_s: float = _WITHIN_S) -> Restored:
    """Start or resume each component that is not up, and wait until all of them are."""
    errors = []
    for name, state in _missing(control, names).items():
        try:
            if state == "paused":
                control.resume(name)
            elif state != "starting":
                control.start(name)
        except StackError as error:
            errors.append(f"restore {name}: {error}")
    deadline = time.monotonic() + within_s
    while (missing := _missing(control, names)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return Restored(tuple(errors), tuple(f"{name} is {state}" for name, state in missing.items()))


def _missing(control: Control, names: Collection[str]) -> dict[str, str]:
    """Return the state of each component that is not up; one that is unknown is `gone`."""
    known = control.components()
    states = {name: known[name].state if name in known else "gone" for name in names}
    return {name: state for name, state in states.items() if state != "up"}
