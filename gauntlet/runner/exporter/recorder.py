"""Keeps the current figures of a run for the exporter, on their way to what people see."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history.marks import OBSERVED
from gauntlet.runner.exporter import metrics, page
from gauntlet.runner.exporter.metrics import Metric
from gauntlet.runner.exporter.page import Sample
from gauntlet.runner.view import View

PHASES = ("starting", "ramp", "steady", "quiesce", "audit", "judging")
_FAILED_STEPS = ("failed", "heal-failed", "missed")


class Recorder:
    """A view that shows everything in another view, and remembers it.

    The run calls the methods of the view; threads of the exporters call `page` and `families`.
    `on_exit` is called when the view is left.
    """

    def __init__(self, view: View, scenario: Scenario, labels: dict[str, str]) -> None:
        self.on_exit: Callable[[], None] = lambda: None
        self._view = view
        self._scenario = scenario
        self._run_labels = dict(labels)
        self._phase = PHASES[0]
        self._live: dict[str, Any] | None = None
        self._live_ns: int | None = None
        self._seen_s = 0.0
        self._elapsed_s: float | None = None
        self._active = {fault.id: False for fault in scenario.faults}
        self._failed = {fault.id: False for fault in scenario.faults}
        self._marks: dict[str, dict[str, Any]] = {}  # the latest of each fault

    def __enter__(self) -> Self:
        self._view.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._view.__exit__(*exc)
        self.on_exit()

    def note(self, text: str) -> None:
        """Show a note."""
        self._view.note(text)

    def phase(self, name: str) -> None:
        """Show a phase, and remember those that are not steps of the boot."""
        if name in PHASES:
            self._phase = name
        self._view.phase(name)

    def expect(self, left_s: float, *, at_most: bool = False) -> None:
        """Show how long the phase will still take."""
        self._view.expect(left_s, at_most=at_most)

    def fault(self, row: dict[str, Any]) -> None:
        """Show a step of a fault, and remember whether the fault acts."""
        name, step = row["id"], row["step"]
        if name in self._active:
            if step in ("effective", "healed"):  # a fault whose heal has failed still acts
                self._active[name] = step == "effective"
            self._failed[name] |= step in _FAILED_STEPS
        self._view.fault(row)

    def mark(self, row: dict[str, Any]) -> None:
        """Show a mark, and remember whether the fault acts that others make.

        Marks of the past may come in any order; the latest time counts.
        """
        name = row["id"]
        if name not in self._marks or row["t_ns"] >= self._marks[name]["t_ns"]:
            self._marks[name] = row
        self._view.mark(row)

    def tick(self, live: dict[str, Any] | None, elapsed_s: float | None) -> None:
        """Show the current figures, and remember them and when they came."""
        if live is not None and live["t_ns"] != self._live_ns:
            self._live_ns, self._seen_s = live["t_ns"], time.monotonic()
        self._live, self._elapsed_s = live, elapsed_s
        self._view.tick(live, elapsed_s)

    def page(self) -> str:
        """Return all metrics as Prometheus' text."""
        return "".join(page.family(metric, samples) for metric, samples in self.families())

    def families(self) -> Iterator[tuple[Metric, list[Sample]]]:
        """Yield all metrics with their current samples."""
        scenario, target = self._scenario, self._scenario.target
        about = {"scenario": scenario.name, "stack": target.stack, "adapter": target.adapter}
        yield metrics.INFO, [({**about, "seed": str(scenario.seed)}, 1)]
        yield (
            metrics.LABEL,
            [({"key": key, "value": value}, 1) for key, value in self._run_labels.items()],
        )
        yield metrics.PHASE, [({"phase": name}, int(name == self._phase)) for name in PHASES]
        yield metrics.PLANNED, [({}, scenario.load.duration_s)]
        if (elapsed_s := self._elapsed_s) is not None:
            yield metrics.ELAPSED, [({}, round(elapsed_s, 3))]
        yield metrics.FAULT_ACTIVE, [*self._faults(self._active | self._marked()), *self._added()]
        yield metrics.FAULT_FAILED, self._faults(self._failed)
        if (live := self._live) is not None:
            yield metrics.AGE, [({}, round(time.monotonic() - self._seen_s, 3))]
            rows = live.get("rows") or [live]
            for metric in metrics.WORKER_METRICS:
                yield metric, list(_worker_samples(metric, rows))

    def _marked(self) -> dict[str, bool]:
        """Return whether each marked fault acts; for a planned one, in place of its plan."""
        return {name: row["step"] == "begin" for name, row in list(self._marks.items())}

    def _added(self) -> list[Sample]:
        """Return the state of marked faults that the scenario does not name."""
        return [
            ({"fault": name, "kind": OBSERVED, "target": ""}, int(acts))
            for name, acts in self._marked().items()
            if name not in self._active
        ]

    def _faults(self, states: dict[str, bool]) -> list[Sample]:
        return [
            (
                {"fault": fault.id, "kind": fault.kind, "target": fault.target},
                int(states[fault.id]),
            )
            for fault in self._scenario.faults
        ]


def _worker_samples(metric: Metric, rows: list[dict[str, Any]]) -> Iterator[Sample]:
    """Yield the samples of each worker; a percentile of a second without messages is left out."""
    for row in rows:
        worker = {"worker": str(row.get("worker", 0))}
        for column in metric.columns:
            value = row.get(column.key)
            if isinstance(value, int | float):
                yield (
                    worker | column.labels,
                    round(value / column.divisor, 9) if (column.divisor > 1) else value,
                )
