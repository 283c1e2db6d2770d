"""What every fault is, and what faults share: parameters, waiting."""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.errors import GauntletError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault as Spec

Evidence = dict[str, Any]  # plain data for the journal
T = TypeVar("T")

PROVE_S = 6.0  # a fault that has not shown itself by then has failed
VERIFY_S = 15.0  # a healed link or process must answer by then


class FaultFailed(GauntletError):
    """A fault did not do what it is for; `proof` holds what was seen instead."""

    def __init__(self, message: str, proof: Evidence | None = None) -> None:
        super().__init__(message)
        self.proof = proof or {}


class Fault(Protocol):
    """One scheduled disturbance. Its methods are called in this order, from one thread.

    `heal` and `verify` follow whatever happened before, an `inject` that failed half-way too; both
    may be called again, and do nothing where nothing was injected.
    """

    def inject(self, context: Context) -> Evidence:
        """Act; what was done to whom. FaultFailed, StackError or ProxyError if it cannot."""

    def prove(self, context: Context) -> Evidence:
        """What shows that the fault acts; FaultFailed if nothing does within `PROVE_S`."""

    def heal(self, context: Context) -> Evidence:
        """Undo it. FaultFailed if the system is whole, but got so by another way."""

    def verify(self, context: Context) -> Evidence:
        """What shows that it is undone; RollbackError if nothing does within `VERIFY_S`."""


def param(spec: Spec, name: str) -> Any:
    """A parameter's value, or its default; durations in seconds, None where there is none."""
    known = catalog.FAULTS[spec.kind].params[name]
    value: Any = spec.params.get(name, known.default)
    is_duration = known.kind == "duration" and value is not None
    return clock.parse_duration_s(value) if is_duration else value


def poll(
    check: Callable[[], T | None],
    timeout_s: float,
    stop: threading.Event | None = None,
    interval_s: float = 0.1,
) -> T | None:
    """The first result of `check` that is not None; None after `timeout_s`, or when stopped."""
    deadline = time.monotonic() + timeout_s
    while (found := check()) is None and time.monotonic() < deadline:
        if stop is None:
            time.sleep(interval_s)
        elif stop.wait(interval_s):
            return None
    return found
