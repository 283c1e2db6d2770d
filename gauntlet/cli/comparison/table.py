"""What the terminal shows of a comparison; texts of runs are no markup, and control nothing."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.core.marked_text import marked
from gauntlet.core.printable import printable
from gauntlet.reports.comparison import rows

_CHANGES_SHOWN = 8
_WIDE = 110  # columns of a terminal in which every part of a figure has room beside the others
_ANSWERS = {
    "yes": ("✔ comparable", "bold green"),
    "with reservations": ("! comparable, with reservations", "bold yellow"),
    "no": ("✘ not comparable: the differences below prove nothing about the system", "bold red"),
}
_STYLES = {"better": "green", "worse": "bold red", "none": "dim", "unknown": "dim"}


def show(found: dict[str, Any], console: Console, *, complete: bool) -> None:
    """Print the runs, and how each differs from the first; all figures if `complete`."""
    table = Table(box=None)
    table.add_column("")
    for heading in ("run", "labels", "verdict", "numbers"):
        table.add_column(heading, overflow="fold")
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
        console.print(marked(mark, _text(obstacle["sentence"])))
    console.print()
    console.print(_figures(pair, console.width, complete=complete))
    for heading in ("verdicts", "configuration"):
        if pair[heading]:
            console.print()
            console.print(_changes(pair, heading, complete=complete))


def _figures(pair: dict[str, Any], columns: int, *, complete: bool) -> Table:
    """Return the figures: a column for each part, or two parts below each other.

    Names have the room that they need, as far as it is not more than a third, because a name has no
    place to break, and so has a factor with its interval; all else is broken between words.
    """
    wide = columns >= _WIDE
    found = rows.build(pair, complete=complete)
    headings = ["figure", "window", pair["a"], pair["b"], "factor", "99 % interval", ""]
    if not wide:
        headings = ["figure", pair["a"], pair["b"], "factor (99 % interval)"]
    table = Table(box=None)
    longest = {
        "figure": max((len(row.indicator) for row in found), default=0),
        "window": max((len(row.window) for row in found), default=0),
    }
    if not wide:
        longest = {
            "figure": max(longest.values()),
            headings[-1]: max((len(_factor(row)) for row in found), default=0),
        }
    for heading in headings:
        width = min(longest[heading], columns // 3) if heading in longest else None
        # Lines become more instead of shorter: `delivery_p…` and `26.…` say nothing.
        table.add_column(heading, overflow="fold", width=width)
    for row in found:
        answer = Text(row.answer, _STYLES.get(row.tone, ""))
        if wide:
            table.add_row(*map(_text, row[:-2]), answer)
        else:
            name = _text(row.indicator).append("\n").append_text(_text(row.window))
            factor = _factor(row)
            change = _text(factor).append("\n" if factor else "").append_text(answer)
            table.add_row(name, _text(row.a), _text(row.b), change)
    return table


def _factor(row: rows.Row) -> str:
    return f"{row.factor} ({row.interval})" if row.interval else row.factor


def _changes(pair: dict[str, Any], heading: str, *, complete: bool) -> Table:
    table, changes = Table(box=None), pair[heading]
    for name in (f"changed {heading}", pair["a"], pair["b"]):
        table.add_column(name, overflow="fold")
    shown = changes if complete else changes[:_CHANGES_SHOWN]
    for change in shown:
        table.add_row(*(_text(change[key]) for key in ("what", "a", "b")))
    if more := len(changes) - len(shown):
        table.add_row(Text(f"and {more} more (--all)", "dim"))
    return table


def _text(value: Any) -> Text:
    return Text(printable(str(value)))
