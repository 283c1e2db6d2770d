"""What a run shows while it goes on: a live panel on a terminal, plain lines elsewhere."""

import sys
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gauntlet.core.scenario.model import Scenario
from gauntlet.runner.view import View

PLAIN_EVERY_S = 5

_STEP_STYLE = {
    "requested": "yellow",
    "effective": "bold red",
    "heal-requested": "yellow",
    "healed": "green",
    "failed": "bold magenta",
    "heal-failed": "bold magenta",
}


def choose(scenario: Scenario, *, plain: bool, stderr: bool = False) -> View:
    """The panel where a person watches, else lines; on stderr where stdout is not ours."""
    console = Console(stderr=stderr, highlight=False)
    return PlainView(console) if plain or not console.is_terminal else LiveView(console, scenario)


class PlainView:
    """A line for everything that happens, and one of figures every five seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        del exc

    def note(self, text: str) -> None:
        self._line(text)

    def phase(self, name: str) -> None:
        self._line(f"== {name}")

    def fault(self, row: dict[str, Any]) -> None:
        self._line(f"   fault {row['id']}: {_fault_text(row)}")

    def tick(self, live: dict[str, Any] | None, elapsed_s: float | None) -> None:
        if live is None or elapsed_s is None or elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + PLAIN_EVERY_S
        self._line(f"   {elapsed_s:4.0f} s  {_figures_text(live)}")

    def _line(self, text: str) -> None:
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
        table = Table(box=None, padding=(0, 2), header_style="dim")
        live = self._live or {}
        for name, _ in _FIGURES:
            table.add_column(name, justify="right")
        table.add_row(*(_figure(live.get(key)) for _, key in _FIGURES))
        return table

    def _faults(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for fault in self._scenario.faults:
            step = self._steps.get(fault.id)
            when = f"{fault.at:.0f}–{fault.ends_s:.0f} s"
            state = Text(step or "waiting", _STEP_STYLE.get(step or "", "dim"))
            table.add_row(Text(when, "dim"), fault.id, f"{fault.kind} {fault.target}", state)
        return table


_FIGURES: tuple[tuple[str, str], ...] = (
    ("connections", "connections"),
    ("sent", "sent"),
    ("missed", "missed"),
    ("acked", "acked"),
    ("outstanding", "outstanding"),
    ("delivered", "delivered"),
    ("missing", "missing"),
    ("ack p99 ms", "ack_p99_ms"),
    ("delivery p99 ms", "delivery_p99_ms"),
)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if value % 1 else f"{value:,.0f}"


def _figures_text(live: dict[str, Any]) -> str:
    return "  ".join(f"{name} {_figure(live.get(key))}" for name, key in _FIGURES)


def _fault_text(row: dict[str, Any]) -> str:
    proof = ", ".join(f"{key} {value}" for key, value in row.get("proof", {}).items())
    text = f"{row['step']} ({row['fault']} {row['target']})"
    return f"{text}: {proof}" if proof else text
