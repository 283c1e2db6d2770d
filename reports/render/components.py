"""How the use of the components is shown: which of them, and in which units."""

from typing import Any, NamedTuple

from gauntlet.reports.render.charts import thinning
from gauntlet.reports.render.charts.component_use import Column, ComponentUse

LINES_MAX = 5  # of a chart; the components that use less are one further line
NAME_MAX = 18  # in a legend, which has one row
TABLE_NAME_MAX = 40


class Measure(NamedTuple):
    """A quantity: its title, and how many of the recorded units make one that is shown."""

    title: str
    unit: str
    divisor: float = 1.0


MEASURES = {
    "component_cores": Measure("CPU", "cores"),
    "component_rss_bytes": Measure("memory", "MB", 1e6),
    "component_io_bytes_per_s": Measure("read and written", "MB/s", 1e6),
    "database_bytes": Measure("databases", "MB", 1e6),
    "component_connections": Measure("connections", ""),
}


class Line(NamedTuple):
    """A component, or several that use little, and its values in the unit that is shown.

    `style` is the number of its colour and dashes, the same in all charts; None for several.
    """

    name: str
    values: Column
    style: int | None


class Panel(NamedTuple):
    """The chart of one measure, the components that use most first."""

    measure: Measure
    lines: list[Line]

    @property
    def title(self) -> str:
        """What the chart is about, with its unit."""
        return f"{self.measure.title}, {self.measure.unit}".rstrip(", ")


def panels(use: ComponentUse, step_s: int = 1) -> list[Panel]:
    """Return the charts; each value is the most of `step_s` seconds."""
    found = []
    styles: dict[str, int] = {}
    for name, columns in use.items():
        measure = MEASURES[name]
        ranked = sorted(columns.items(), key=lambda each: (-mean(each[1]), each[0]))
        lines = [
            Line(shortened(component), column, styles.setdefault(component, len(styles)))
            for component, column in ranked[:LINES_MAX]
        ]
        if rest := [column for _, column in ranked[LINES_MAX:]]:
            noun = "other" if len(rest) == 1 else "others"
            lines.append(Line(f"{len(rest)} {noun}", _sum(rest), None))
        shown = [
            line._replace(values=_scaled(thinning.most(line.values, step_s), measure))
            for line in lines
        ]
        found.append(Panel(measure, shown))
    return found


def rows(use: ComponentUse) -> list[dict[str, Any]]:
    """Return for each component what it used on average and at most, as texts by measure."""
    names = dict.fromkeys(name for columns in use.values() for name in columns)
    return [
        {
            "name": shortened(component, TABLE_NAME_MAX),
            "cells": [
                _cell(columns.get(component), MEASURES[measure]) for measure, columns in use.items()
            ],
        }
        for component in sorted(names)
    ]


def mean(column: Column) -> float:
    """Return the mean of the known values, 0 without any."""
    known = [value for value in column if value is not None]
    return sum(known) / len(known) if known else 0.0


def shortened(name: str, most: int = NAME_MAX) -> str:
    """Return a name that has room; a metrics file may have any."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _cell(column: Column | None, measure: Measure) -> str:
    if column is None:
        return "–"
    most = max((value for value in column if value is not None), default=0.0)
    return f"{mean(column) / measure.divisor:,.3g} · {most / measure.divisor:,.3g}"


def _sum(columns: list[Column]) -> Column:
    found: Column = []
    for values in zip(*columns, strict=True):
        known = [value for value in values if value is not None]
        found.append(sum(known) if known else None)
    return found


def _scaled(column: Column, measure: Measure) -> Column:
    return [None if value is None else round(value / measure.divisor, 3) for value in column]
