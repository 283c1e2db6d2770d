"""The table of runs that the terminal shows; texts of runs are no markup."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.core import labels
from gauntlet.core.printable import printable
from gauntlet.reports.archive.listing import Entry

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}
_MIB = 2**20


def show(runs: Sequence[Entry], console: Console) -> None:
    """Print runs, the newest first, and what they occupy."""
    if not runs:
        console.print("There are no runs.")
        return
    table = Table(box=None)
    # In a narrow terminal only names become shorter lines: they can be long, and verdicts cannot.
    table.add_column("run", overflow="fold")
    for heading in ("verdict", "numbers"):
        table.add_column(heading, no_wrap=True)
    table.add_column("labels", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    for run in runs:
        table.add_row(
            Text(printable(run.path.name)),
            _verdict(run),
            Text(printable(run.numbers)),
            Text(labels.text(run.labels)),
            _size(run.size_bytes),
        )
    console.print(table)
    total = sum(run.size_bytes for run in runs)
    console.print(f"{len(runs)} run{'s' if len(runs) > 1 else ''}, {_size(total)}")
    for run in runs:
        if run.problem:
            console.print(f"  ! {printable(run.problem)}", style="yellow", markup=False)


def _verdict(run: Entry) -> Text:
    if run.state == "judged":
        return Text(printable(run.status), _STYLES.get(run.status, "yellow"))
    return Text(run.state, "dim" if run.state == "unfinished" else "yellow")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:,.1f} MiB"
