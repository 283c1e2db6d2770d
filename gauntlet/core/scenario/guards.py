"""Validate guards, and describe them in one clause."""

import math
from collections.abc import Iterator
from typing import get_args

from gauntlet.core import clock
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Guard, Operator

OLDER_THAN_S = 10.0
OPERATORS = get_args(Operator)

Step = tuple[str, ...]


def guard_problems(guard: Guard) -> Iterator[tuple[Step, str, str]]:
    """Yield (path, found, allowed) for each problem of a guard; the path begins at the guard."""
    if (guard.check is None) == (guard.indicator is None):
        found = "neither" if guard.check is None else "both"
        yield (), found, "given with either `check` or `indicator`"
    elif guard.check is not None:
        yield from _check_problems(guard, guard.check)
    elif guard.indicator is not None:
        yield from _indicator_problems(guard, guard.indicator)
    if guard.min_samples < 1:
        yield ("min_samples",), str(guard.min_samples), "at least 1"


def _check_problems(guard: Guard, check: str) -> Iterator[tuple[Step, str, str]]:
    if check not in catalog.GUARD_CHECKS:
        yield ("check",), check, f"one of: {', '.join(catalog.GUARD_CHECKS)}"
    if guard.op:
        yield ("op",), guard.op, "absent from a guard with `check`"
    if guard.value is not None:
        yield ("value",), str(guard.value), "absent from a guard with `check`"
    if guard.older_than is not None and check not in catalog.GUARD_WAITING_CHECKS:
        allowed = f"absent, except with {' or '.join(catalog.GUARD_WAITING_CHECKS)}"
        yield ("older_than",), clock.format_s(guard.older_than), allowed
    if guard.older_than is not None and guard.older_than < 1:
        yield ("older_than",), clock.format_s(guard.older_than), "at least 1s"


def _indicator_problems(guard: Guard, indicator: str) -> Iterator[tuple[Step, str, str]]:
    if indicator not in catalog.GUARD_INDICATORS:
        allowed = f"one that is known while the load runs: {', '.join(catalog.GUARD_INDICATORS)}"
        yield ("indicator",), indicator, allowed
    if guard.op not in OPERATORS:
        yield ("op",), guard.op or "nothing", f"one of: {', '.join(OPERATORS)}"
    if guard.value is None or not math.isfinite(guard.value):
        found = "nothing" if guard.value is None else str(guard.value)
        yield ("value",), found, "a finite number"
    if guard.older_than is not None:
        allowed = "absent from a guard with `indicator`"
        yield ("older_than",), clock.format_s(guard.older_than), allowed


def older_than_s(guard: Guard) -> float:
    """Return the age in seconds from which a message that no receiver has presented is suspect."""
    return OLDER_THAN_S if guard.older_than is None else float(guard.older_than)


def suspended_in(guard: Guard) -> str:
    """Return in which times a guard is suspended: `never`, `faults`, or `recovery` (both).

    By default, the checks that wait for messages are suspended until the system had time to
    recover: clients do not notice at once that their connection is dead.
    """
    if guard.suspend != "auto":
        return guard.suspend
    return "recovery" if guard.check in catalog.GUARD_WAITING_CHECKS else "never"


def condition(guard: Guard) -> str:
    """Return the condition of a guard as a clause: `send_errors_ratio > 0.5 for 5 s`."""
    text = guard.name
    if guard.op and guard.value is not None:
        text += f" {guard.op} {guard.value:g}"
    elif guard.check in catalog.GUARD_WAITING_CHECKS:
        text += f" older than {clock.format_s(older_than_s(guard))}"
    return f"{text} for {clock.format_s(guard.for_)}" if guard.for_ else text
