"""The record as CSV: every figure with its interval, and every trial."""

import csv
import io
from collections.abc import Iterator

from gauntlet.campaigns.capacity.record import Capacity, Estimate
from gauntlet.campaigns.csv_cells import cell

_HEADER = ("kind", "what", "during", "component", "resource", "per", "value", "low", "high", "note")


def text(record: Capacity) -> str:
    """Return the table; no cell is read as a formula by a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_HEADER)
    for row in (*_sustainable(record), *_costs(record), *_trials(record)):
        writer.writerow([cell(value) for value in row])
    return buffer.getvalue()


def _sustainable(record: Capacity) -> Iterator[tuple[object, ...]]:
    for found in record.sustainable:
        note = f"confidence {found.confidence:.3f}; {found.limited_by}"
        yield (
            *("sustainable", found.what, found.during, None, None, None),
            *(found.low, found.low, found.high, note),
        )


def _costs(record: Capacity) -> Iterator[tuple[object, ...]]:
    for cost in record.unit_costs:
        note = f"{cost.instances} instances, {cost.levels} runs, residual {cost.residual}"
        per: list[tuple[str, Estimate]] = [("fixed", cost.fixed), *cost.per.items()]
        for name, found in per:
            yield (
                *("unit-cost", None, "steady", cost.component, cost.resource, name),
                *(found.value, found.low, found.high, note),
            )


def _trials(record: Capacity) -> Iterator[tuple[object, ...]]:
    for trial in record.trials:
        note = f"{trial.outcome}: {trial.reason}" if trial.reason else trial.outcome
        yield (
            *("trial", trial.what, trial.during, None, None, trial.step or None),
            *(trial.level, None, None, note),
        )
