"""What the terminal shows of a plan."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.campaigns.plan.figures import Basis, Figure
from gauntlet.campaigns.plan.model import Plan
from gauntlet.campaigns.plan.outputs.text import figure, number
from gauntlet.core.marked_text import marked
from gauntlet.core.printable import printable

_SENTENCES_MAX = 6


def show(plan: Plan, folder: Path, console: Console | None = None) -> None:
    """Print the answer, the nodes of each tier, the reserve, and what is not known."""
    console = console or Console(highlight=False)
    console.print(Text(plan.answer, "bold"))
    console.print()
    console.print(_tiers(plan))
    console.print()
    for label, found in _figures(plan):
        console.print(Text(f"{label:26}"), _styled(found), sep="")
    if plan.not_measured:
        console.print(Text("\nnot measured", "bold"))
        for sentence in plan.not_measured[:_SENTENCES_MAX]:
            console.print(marked("!", printable(sentence), "yellow"))
        if (more := len(plan.not_measured) - _SENTENCES_MAX) > 0:
            console.print(Text(f"  and {more} more"))
    figures = [plan.needed, *(found for _, found in _figures(plan))]
    if any(found.basis is Basis.EXTRAPOLATED for found in figures):
        console.print(Text("\n≈ is extrapolated: more load than was measured", "dim italic"))
    # Not by the console, which would wrap a long path.
    print(f"plan-directory: {folder}", flush=True)


def _tiers(plan: Plan) -> Table:
    table = Table(box=None)
    for heading in ("tier", "node", "nodes", "needed", "busy", "busy after a loss"):
        # Folded in a narrow terminal: a number that is cut off is another number.
        table.add_column(
            heading, justify="right" if heading == "nodes" else "left", overflow="fold"
        )
    for tier in plan.tiers:
        kind = f"{printable(tier.node)} " if tier.node else ""
        table.add_row(
            Text(printable(tier.name)),
            Text(f"{kind}{tier.cores:g} cores"),
            Text(number(tier.nodes), "bold"),
            _styled(tier.needed, unit=False),
            _styled(tier.normal, unit=False),
            _styled(tier.after_loss, unit=False) if tier.after_loss else Text("–"),
        )
    return table


def _figures(plan: Plan) -> list[tuple[str, Figure]]:
    found = [
        ("headroom over today", plan.headroom.factor),
        ("headroom ends", plan.headroom.ends),
    ]
    if plan.storm.back:
        found.append(("99 % back after a loss", plan.storm.back["99 %"]))
    if plan.storm.served:
        found.append(("survivors accept", plan.storm.served))
    if plan.costs:
        found.append(("cost", plan.costs.total))
        found.append(("cost of 1,000 users", plan.costs.per_thousand_users))
    return found


def _styled(found: Figure, *, unit: bool = True) -> Text:
    style = "italic cyan" if found.basis is Basis.EXTRAPOLATED else ""
    return Text(printable(figure(found, unit=unit)), style)
