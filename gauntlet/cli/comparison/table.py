"""What the terminal shows of a comparison; texts of runs are no markup, and control nothing."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.reports.comparison import rows

_CHANGES_SHOWN = 8
_ANSWERS = {
    "yes": ("✔ comparable", "bold green"),
    "with reservations": ("! comparable, with reservations", "bold yellow"),
    "no": ("✘ not comparable: the differences below prove nothing about the system", "bold red"),
}
_STYLES = {"better": "green", "worse": "bold red", "none": "dim", "unknown": "yellow"}


def show(found: dict[str, Any], console: Console, *, complete: bool) -> None:
    """Print the runs, and how each differs from the first; all figures if `complete`."""
    table = Table(box=None)
    table.add_column("")
    table.add_column("run", no_wrap=True)
    for heading in ("labels", "verdict", "numbers"):
        table.add_column(heading)
    for run in found["runs"]:
        cells = (run["name"], run["id"], rows.labels_of(run), run["status"], run["numbers"])
        table.add_row(*map(_text, cells))
    console.print(table)
    for pair in found["comparisons"]:
        _show_pair(pair, console, complete=complete)


def _show_pair(pair: dict[str, Any], console: Console, *, complete: bool) -> None:
    answer, style = _ANSWERS[pair["comparable"]]
    console.print(Text(f"\n{pair['b']} and {pair['a']}: {answer}", style))
    for obstacle in pair["obstacles"]:
        mark = "✘" if obstacle["serious"] else "!"
        console.print(Text(f"  {mark} ").append_text(_text(obstacle["sentence"])))
    table = Table("figure", "window", pair["a"], pair["b"], "factor", "99 % interval", "", box=None)
    for row in rows.of(pair, complete=complete):
        table.add_row(
            *(_text(each) for each in row[:-2]), Text(row.answer, _STYLES.get(row.tone, ""))
        )
    console.print(table)
    for heading in ("verdicts", "configuration"):
        if pair[heading]:
            console.print(_changes(pair[heading], heading, complete=complete))


def _changes(changes: list[dict[str, str]], heading: str, *, complete: bool) -> Table:
    table = Table(f"changed {heading}", "A", "other", box=None)
    shown = changes if complete else changes[:_CHANGES_SHOWN]
    for change in shown:
        table.add_row(*(_text(change[key]) for key in ("what", "a", "b")))
    if more := len(changes) - len(shown):
        table.add_row(Text(f"and {more} more (--all)", "dim"))
    return table


def _text(value: Any) -> Text:
    return Text("".join(each if each.isprintable() else "�" for each in str(value)))
