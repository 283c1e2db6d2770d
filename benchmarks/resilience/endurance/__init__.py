"""Measurements of what a server holds for long; each returns a record."""

import time
from collections.abc import Callable

from benchmarks.resilience.client import NotServed
from benchmarks.resilience.endurance import churn, connections, members
from benchmarks.resilience.endurance.measured import Measured
from benchmarks.resilience.records import EnduranceRecord, evidence

Say = Callable[[str], None]

MEASUREMENTS: dict[str, Callable[[str, float, Say], Measured]] = {
    "connections": connections.measure,
    "members": members.measure,
    "churn": churn.measure,
}


def run(name: str, stack: str, minutes: float, say: Say) -> EnduranceRecord:
    """Measure, and return the record; a server that does not answer has not held."""
    began_s = time.monotonic()
    try:
        found = MEASUREMENTS[name](stack, minutes, say)
    except NotServed as error:
        found = Measured(time.monotonic() - began_s, {}, [str(error)])
    for figure, value in found.figures.items():
        say(f"{figure}: {value:g}")
    for failure in found.failures:
        say(f"failed: {failure}")
    return EnduranceRecord(
        name=name,
        stack=stack,
        seconds=round(found.seconds, 1),
        figures=found.figures,
        held=not found.failures,
        failures=tuple(found.failures),
        evidence=evidence(),
    )
