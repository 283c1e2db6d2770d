"""The interface of a fault, and what faults share: parameters and polling."""

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.errors import GauntletError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault as Spec

Evidence = dict[str, Any]  # plain data for the journal
T = TypeVar("T")

PROVE_S = 6.0  # a fault whose effect is not visible by then has failed
VERIFY_S = 15.0  # a healed link or process must work by then


class FaultFailed(GauntletError):
    """A fault did not have its effect; `proof` holds what was observed instead."""

    def __init__(self, message: str, proof: Evidence | None = None) -> None:
        super().__init__(message)
        self.proof = proof or {}


class Fault(Protocol):
    """One scheduled disturbance, which `kind` describes.

    A class is created with the fault's definition in the scenario (`Spec`). Its methods are called
    in this order. `prove` is called in another thread: when the fault has reached its end, its
    `context.stop` is set, and the heal does not wait for a proof that goes on. `heal` and `verify`
    are called whatever happened before, even after an `inject` that failed half-way. Both may be
    called again, and do nothing if nothing was injected.
    """

    kind: ClassVar[FaultKind]

    def __init__(self, spec: Spec) -> None: ...

    def inject(self, context: Context) -> Evidence:
        """Disturb the system; return what was done to which component or link.

        Raises FaultFailed, StackError or ProxyError if that is impossible.
        """

    def prove(self, context: Context) -> Evidence:
        """Return the proof that the fault acts; raises FaultFailed if none appears in `PROVE_S`."""

    def heal(self, context: Context) -> Evidence:
        """Undo the fault. Raises FaultFailed if the system recovered, but not as expected."""

    def verify(self, context: Context) -> Evidence:
        """Return the proof of the heal; raises RollbackError if none appears in `VERIFY_S`."""


def param(spec: Spec, name: str) -> Any:
    """Return a parameter's value or its default; durations in seconds, None if there is none."""
    definition = catalog.FAULTS[spec.kind].params[name]
    value: Any = spec.params.get(name, definition.default)
    is_duration = definition.kind == "duration" and value is not None
    return clock.parse_duration_s(value) if is_duration else value


def poll(
    check: Callable[[], T | None],
    timeout_s: float,
    stop: threading.Event | None = None,
    interval_s: float = 0.1,
) -> T | None:
    """Return the first result of `check` that is not None; None on a timeout or on `stop`."""
    deadline = time.monotonic() + timeout_s
    while (result := check()) is None and time.monotonic() < deadline:
        if stop is None:
            time.sleep(interval_s)
        elif stop.wait(interval_s):
            return None
    return result
