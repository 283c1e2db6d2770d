"""The table of a plan as CSV, one figure a line, for spreadsheets."""

import csv
import io
from collections.abc import Iterator

from gauntlet.campaigns.csv_cells import cell
from gauntlet.campaigns.plan.figures import Basis, Figure
from gauntlet.campaigns.plan.model import Plan

_HEADER = ("section", "name", "value", "unit", "low", "high", "basis", "beyond_measured", "note")

Cell = float | str | None


def document(plan: Plan) -> str:
    """Return the table; texts from files cannot become formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    for row in _rows(plan):
        writer.writerow([cell(each) for each in row])
    return text.getvalue()


def _rows(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    yield ("answer", "answer", plan.answer)
    yield ("answer", "nodes", plan.nodes, "nodes")
    yield _figure("answer", "needed", plan.needed)
    for found in plan.inputs:
        value = found.value
        shown = "–".join(map(str, value)) if isinstance(value, tuple) else value
        # Shares are numbers between 0 and 1 here, whatever the page shows.
        unit = "share" if found.unit == "%" else found.unit
        yield ("input", found.name, shown, unit, None, None, found.basis, None, found.label)
    for load in plan.loads:
        yield ("peak today", load.label, load.today, load.unit)
        yield ("peak at the end", load.label, load.end, load.unit)
        yield ("measured to", load.label, load.measured_to, load.unit)
    for tier in plan.tiers:
        yield (
            "tier",
            f"{tier.name}: planned",
            tier.nodes,
            "nodes",
            None,
            None,
            None,
            None,
            tier.node,
        )
        yield _figure("tier", f"{tier.name}: needed", tier.needed)
        yield _figure("tier", f"{tier.name}: busy", tier.normal)
        if tier.after_loss:
            yield _figure("tier", f"{tier.name}: busy after a loss", tier.after_loss)
    yield from _storm(plan)
    yield _figure("headroom", "factor", plan.headroom.factor)
    yield _figure("headroom", "ends", plan.headroom.ends)
    if plan.costs:
        for line in plan.costs.lines:
            yield _figure("cost", line.label, line.amount)
        yield _figure("cost", "total", plan.costs.total)
        yield _figure("cost", "per 1,000 users", plan.costs.per_thousand_users)
        yield _figure("cost", "per million deliveries", plan.costs.per_million_deliveries)
    for change in plan.sensitivity:
        yield ("sensitivity", change.label, None, "nodes", change.nodes_lower, change.nodes_higher)
    for section, sentences in (
        ("assumption", plan.assumptions),
        ("not measured", plan.not_measured),
    ):
        for sentence in sentences:
            yield (section, sentence)
    for each in plan.evidence:
        yield ("evidence", each.file, each.sha256, "sha256", None, None, None, None, each.about)
        for directory, digest in each.runs:
            yield ("evidence", directory, digest, "sha256")


def _storm(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    storm = plan.storm
    if storm.why_not:
        yield ("loss of a zone", storm.why_not)
        return
    yield ("loss of a zone", "lost connections", storm.lost)
    for name, found in (("arrive", storm.arrive), ("served", storm.served)):
        if found is not None:
            yield _figure("loss of a zone", name, found)
    for share, found in storm.back.items():
        yield _figure("loss of a zone", f"{share} are back", found)


def _figure(section: str, name: str, found: Figure) -> tuple[Cell, ...]:
    basis = Basis(found.basis).value if found.value is not None else "unknown"
    return (
        section,
        name,
        found.value,
        found.unit,
        found.low,
        found.high,
        basis,
        found.beyond,
        found.note,
    )
