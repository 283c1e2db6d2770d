"""What a run shows while it lasts: a live panel on a terminal, plain lines elsewhere."""

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

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
REFRESH_PER_S = 4
_FIGURES_PER_ROW = 3
# Phases whose length the scenario does not tell.
_AFTER_THE_LOAD = ("quiesce", "audit", "flushed", "judging")
_SHOWN_PHASES = {"flushed": "cleaning up"}

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


class Countdown(NamedTuple):
    """How long a phase after the load will still take; `ends_s` is None as long as that is unknown.

    The times are those of a monotonic clock.
    """

    begun_s: float
    ends_s: float | None
    at_most: bool = False

    def text(self, now_s: float) -> str:
        """Return what is left, or what the phase has taken where that is not known."""
        if self.ends_s is None:
            return f"{now_s - self.begun_s:.0f} s so far"
        left_s = math.ceil(self.ends_s - now_s)
        if left_s <= 0:
            return f"{now_s - self.begun_s:.0f} s so far, longer than expected"
        return f"{'at most' if self.at_most else 'about'} {left_s} s left"

    def share(self, now_s: float) -> float | None:
        """Return how much of the phase is over, 0 to 1; None if that is not known."""
        if self.ends_s is None or now_s >= self.ends_s:
            return None
        return (now_s - self.begun_s) / (self.ends_s - self.begun_s)


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

    def expect(self, left_s: float, *, at_most: bool = False) -> None:
        """Print nothing: lines are read later, or count no seconds."""

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
    """The panel: phase and countdown, figures, faults. At the end, a line for each fault stays."""

    def __init__(
        self, console: Console, scenario: Scenario, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._scenario = scenario
        self._now_s = now_s
        self._phase = "starting"
        self._countdown: Countdown | None = None  # of a phase after the load
        self._steps: dict[str, list[tuple[str, float | None]]] = {}  # with when they were seen
        self._live: dict[str, Any] | None = None
        self._elapsed_s: float | None = None
        self._screen = Live(
            console=console,
            get_renderable=self._panel,
            refresh_per_second=REFRESH_PER_S,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(self, *exc: object) -> None:
        del exc
        self._screen.stop()
        if self._steps:
            self._console.print(self._faults(list(self._steps)))

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def phase(self, name: str) -> None:
        self._phase = _SHOWN_PHASES.get(name, name)
        self._countdown = Countdown(self._now_s(), None) if name in _AFTER_THE_LOAD else None

    def expect(self, left_s: float, *, at_most: bool = False) -> None:
        now_s = self._now_s()
        begun_s = now_s if self._countdown is None else self._countdown.begun_s
        self._countdown = Countdown(begun_s, now_s + left_s, at_most)

    def fault(self, row: dict[str, Any]) -> None:
        self._steps.setdefault(row["id"], []).append((row["step"], self._elapsed_s))

    def mark(self, row: dict[str, Any]) -> None:
        self.note(_mark_text(row))

    def tick(self, live: dict[str, Any] | None, elapsed_s: float | None) -> None:
        self._live, self._elapsed_s = live, elapsed_s

    def _panel(self) -> Panel:
        faults = self._faults([fault.id for fault in self._scenario.faults])
        title = f"[bold]{self._scenario.name}[/] · {self._scenario.target.stack}"
        return Panel(
            Group(self._progress(), self._figures(), faults), title=title, title_align="left"
        )

    def _progress(self) -> Table:
        row = Table.grid(padding=(0, 2))
        if (countdown := self._countdown) is not None:
            now_s = self._now_s()
            share = countdown.share(now_s)
            bar = ProgressBar(completed=100 * (share or 0.0), width=40, pulse=share is None)
            row.add_row(Text(self._phase, "bold"), bar, countdown.text(now_s))
        else:
            total_s = self._scenario.load.duration_s
            done_s = min(self._elapsed_s or 0.0, total_s)
            bar = ProgressBar(total=total_s, completed=done_s, width=40)
            row.add_row(Text(self._phase, "bold"), bar, f"{total_s - done_s:.0f} s of load left")
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

    def _faults(self, names: list[str]) -> Table:
        table = Table.grid(padding=(0, 2))
        for fault in self._scenario.faults:
            if fault.id not in names:
                continue
            steps = self._steps.get(fault.id) or [("waiting", None)]
            last, _ = steps[-1]
            state = Text(_acted(steps), _STEP_STYLE.get(last, "dim"))
            what = f"{fault.kind} {fault.target}".rstrip()
            table.add_row(Text(_times(fault), "dim"), fault.id, what, state)
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


def _acted(steps: list[tuple[str, float | None]]) -> str:
    """Return the last step of a fault, and when it acted: `healed, acted 3.1–5.4 s`."""
    last, _ = steps[-1]
    begun_s = next((at_s for step, at_s in steps if step == "effective"), None)
    healed_s = next((at_s for step, at_s in reversed(steps) if step == "healed"), None)
    if begun_s is None:
        return last
    if healed_s is None:
        return f"{last}, acts since {begun_s:.1f} s"
    return f"{last}, acted {begun_s:.1f}–{healed_s:.1f} s"


def _times(fault: Fault) -> str:
    if isinstance(fault.at, FixedTime):
        return f"{fault.begins_s:.0f}–{fault.ends_s:.0f} s"
    return moments.text(fault.at)


def _mark_text(row: dict[str, Any]) -> str:
    return f"fault {row['id']}: {row['step']} (marked)"


def _words(value: Any) -> str:
    """Return a value of a proof without the notation of Python."""
    if isinstance(value, Mapping):
        return f"({', '.join(f'{key} {_words(each)}' for key, each in value.items())})"
    if isinstance(value, list | tuple):
        return " ".join(_words(each) for each in value) or "none"
    return "none" if value is None else str(value)


def _fault_text(row: dict[str, Any]) -> str:
    proof = ", ".join(f"{key} {_words(value)}" for key, value in row.get("proof", {}).items())
    subject = f"{row['fault']} {row['target']}".rstrip()  # some faults have no target
    text = f"{row['step']} ({subject})"
    return f"{text}: {proof}" if proof else text
