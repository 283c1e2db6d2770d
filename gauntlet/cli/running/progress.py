"""What a run shows while it lasts: a live panel on a terminal, plain lines elsewhere."""

import os
import sys
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gauntlet.core.scenario import moments
from gauntlet.core.scenario.model import Fault, Scenario
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner.view import View

PLAIN_INTERVAL_S = 5
_FIGURES_PER_ROW = 3

_STEP_STYLE = {
    "requested": "yellow",
    "effective": "bold red",
    "heal-requested": "yellow",
    "healed": "green",
    "failed": "bold magenta",
    "heal-failed": "bold magenta",
    "missed": "bold magenta",
}


def choose(scenario: Scenario, *, plain: bool, stderr: bool = False) -> View:
    """The live panel if a person watches it on a terminal, else plain lines.

    `stderr` selects the stream. The stream itself is asked whether it is a terminal: rich believes
    FORCE_COLOR, which CI systems set, and would write every frame of the panel into the log.
    """
    stream = sys.stderr if stderr else sys.stdout
    console = Console(stderr=stderr, highlight=False)
    if plain or not stream.isatty() or os.environ.get("TERM") == "dumb":
        return PlainView(console)
    return LiveView(console, scenario)


class PlainView:
    """One line for every event, and one line of figures every five seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        del exc

    def note(self, text: str) -> None:
        self._print(text)

    def phase(self, name: str) -> None:
        self._print(f"== {name}")

    def fault(self, row: dict[str, Any]) -> None:
        self._print(f"   fault {row['id']}: {_fault_text(row)}")

    def mark(self, row: dict[str, Any]) -> None:
        self._print(f"   {_mark_text(row)}")

    def tick(self, live: dict[str, Any] | None, elapsed_s: float | None) -> None:
        if live is None or elapsed_s is None or elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + PLAIN_INTERVAL_S
        figures = "  ".join(
            f"{label} {_figure(live.get(key), unit)}" for label, key, unit in _FIGURES
        )
        self._print(f"   {elapsed_s:4.0f} s  {figures}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
        sys.stdout.flush()


class LiveView:
    """The panel: phase and countdown, figures, faults."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._scenario = scenario
        self._phase = "starting"
        self._steps: dict[str, str] = {}
        self._live: dict[str, Any] | None = None
        self._elapsed_s: float | None = None
        self._screen = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(self, *exc: object) -> None:
        del exc
        self._screen.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def phase(self, name: str) -> None:
        self._phase = name
        self._redraw()

    def fault(self, row: dict[str, Any]) -> None:
        self._steps[row["id"]] = row["step"]
        self._redraw()

    def mark(self, row: dict[str, Any]) -> None:
        self.note(_mark_text(row))

    def tick(self, live: dict[str, Any] | None, elapsed_s: float | None) -> None:
        self._live, self._elapsed_s = live, elapsed_s
        self._redraw()

    def _redraw(self) -> None:
        parts = [self._progress(), self._figures(), self._faults()]
        title = f"[bold]{self._scenario.name}[/] · {self._scenario.target.stack}"
        self._screen.update(Panel(Group(*parts), title=title, title_align="left"), refresh=True)

    def _progress(self) -> Table:
        total_s = self._scenario.load.duration_s
        done_s = min(self._elapsed_s or 0.0, total_s)
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=total_s, completed=done_s, width=40)
        row.add_row(Text(self._phase, "bold"), bar, f"{total_s - done_s:.0f} s left")
        return row

    def _figures(self) -> Table:
        """Labels and values in a grid that fits 80 columns, so that no label is cut short."""
        table = Table.grid(padding=(0, 2))
        live = self._live or {}
        for start in range(0, len(_FIGURES), _FIGURES_PER_ROW):
            cells = []
            for label, key, unit in _FIGURES[start : start + _FIGURES_PER_ROW]:
                cells += [Text(label, "dim"), Text(_figure(live.get(key), unit), justify="right")]
            table.add_row(*cells)
        return table

    def _faults(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for fault in self._scenario.faults:
            step = self._steps.get(fault.id)
            times = _times(fault)
            state = Text(step or "waiting", _STEP_STYLE.get(step or "", "dim"))
            table.add_row(Text(times, "dim"), fault.id, f"{fault.kind} {fault.target}", state)
        return table


# Label, key of the live row, and unit.
_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("connections", "connections", ""),
    ("sent", "sent", ""),
    ("acknowledged", "acked", ""),
    ("delivered", "delivered", ""),
    ("outstanding", "outstanding", ""),
    ("missing", "missing", ""),
    ("not sent", "missed", ""),
    ("ack p99", "ack_p99_ms", " ms"),
    ("delivery p99", "delivery_p99_ms", " ms"),
)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return (f"{value:,.1f}" if value % 1 else f"{value:,.0f}") + unit


def _times(fault: Fault) -> str:
    if isinstance(fault.at, FixedTime):
        return f"{fault.begins_s:.0f}–{fault.ends_s:.0f} s"
    return moments.text(fault.at)


def _mark_text(row: dict[str, Any]) -> str:
    return f"fault {row['id']}: {row['step']} (marked)"


def _fault_text(row: dict[str, Any]) -> str:
    proof = ", ".join(f"{key} {value}" for key, value in row.get("proof", {}).items())
    subject = f"{row['fault']} {row['target']}".rstrip()  # some faults have no target
    text = f"{row['step']} ({subject})"
    return f"{text}: {proof}" if proof else text
