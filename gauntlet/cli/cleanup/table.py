"""The table of a clean-up: what was removed, what has to stay, what failed, and why."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.scenarios.cleanup.outcome import Outcome, Status
from gauntlet.scenarios.cleanup.run_record import RunRecord

_NAMES_SHOWN = 1
_WORDS = {
    Status.REMOVED: "[green]✔ removed[/]",
    Status.ABSENT: "[dim]– nothing there[/]",
    Status.KEPT: "[yellow]– not removed[/]",
    Status.FAILED: "[bold red]✘ failed[/]",
    Status.PLANNED: "would be removed",
}
_ORDER = list(_WORDS)


def show(outcomes: Sequence[Outcome], record: RunRecord, console: Console) -> None:
    """Print the outcomes, grouped by what they concern and how they ended."""
    table = Table("what", "which", "", "", box=None)
    keyed = sorted(outcomes, key=_group)
    for (kind, order, reason), group in groupby(keyed, key=_group):
        rows = list(group)
        table.add_row(
            Text(_amount(kind, rows)),
            Text(_names(sorted(row.name for row in rows))),
            _WORDS[_ORDER[order]],
            Text(reason),
        )
    if outcomes:
        console.print(table)
    if record.removed:
        console.print(f"{record.removed:,} accounts were removed earlier, with what they held.")
    console.print(_sentence(outcomes), markup=False)


def _group(outcome: Outcome) -> tuple[str, int, str]:
    return outcome.kind, _ORDER.index(outcome.status), outcome.reason


def _amount(kind: str, rows: Sequence[Outcome]) -> str:
    """Return what a row of the table is about; a thing may consist of many, as messages do."""
    removed = sum(row.count for row in rows)
    parts = f", {removed:,} in all" if removed > len(rows) else ""
    return f"{len(rows):,} × {kind}{parts}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _sentence(outcomes: Sequence[Outcome]) -> str:
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    if counts[Status.PLANNED]:
        return "Nothing was removed (--dry-run)."
    if failed := counts[Status.FAILED]:
        return f"{failed:,} of {len(outcomes):,} could not be removed; the command can be repeated."
    if counts[Status.REMOVED]:
        return "Everything was removed that the adapter can remove."
    return "Nothing is left that the adapter can remove."
