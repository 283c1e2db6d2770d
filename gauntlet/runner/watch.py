"""Follows a run while it lasts: reads what its processes write, shows it, applies the guards."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import RunDir, Tail
from gauntlet.core.scenario.model import QUIESCE_MAX_S, Scenario
from gauntlet.runner.guards.guards import Guards
from gauntlet.runner.live_metrics import LiveMetrics
from gauntlet.runner.view import View

POLL_S = 0.2
_NOTABLE_STEPS = ("lost", "back")  # steps of a worker that are shown immediately
# How long the judge and the report take, on a machine that is not fast: to begin, and per byte.
_JUDGE_BASE_S = 2.0
_JUDGE_BYTES_PER_S = 12e6


class PhaseTracker:
    """Follows the journals of the load's processes.

    A phase has begun when the first process is in it; `ramp`, the zero of the timeline, begins at
    the same moment in all of them. `seen` holds the start of each phase (monotonic nanoseconds),
    `clocks` the last known clock offset of each worker, `rows` the number of rows read so far.
    """

    def __init__(self, run: RunDir) -> None:
        self._folder = run.events
        self._tails: dict[Path, Tail] = {}
        self.seen: dict[str, int] = {}
        self.clocks: dict[int, dict[str, Any]] = {}
        self._messages: list[str] = []
        self.rows = 0
        self._audits: dict[Path, dict[str, Any]] = {}

    def poll(self) -> list[str]:
        """The phases that began since the last call."""
        begun = []
        for file, row in self._new_rows():
            self.rows += 1
            if row["kind"] == "phase" and row["phase"] not in self.seen:
                self.seen[row["phase"]] = row["t_ns"]
                begun.append(row["phase"])
            elif row["kind"] == "audit":
                self._audits[file] = row
            elif row["kind"] == "clock":
                if row["error_ns"] and row["worker"] not in self.clocks:
                    self._messages.append(row["message"])
                self.clocks[row["worker"]] = row
            elif row["kind"] == "refused" or (
                row["kind"] == "worker" and row["step"] in _NOTABLE_STEPS
            ):
                self._messages.append(row["message"])
        return begun

    def take_messages(self) -> list[str]:
        """What happened to workers since the last call, as sentences."""
        messages, self._messages = self._messages, []
        return messages

    def audit_left_s(self) -> float | None:
        """How long the slowest audit will still take at its pace so far; None before that is known.

        An audit that takes a moment tells nothing.
        """
        begun_ns = self.seen.get("audit")
        if begun_ns is None:
            return None
        paces = [
            (row["t_ns"] - begun_ns) / NS_PER_S * (row["of"] / row["conversations"] - 1)
            for row in self._audits.values()
            if row.get("conversations")
        ]
        return max(paces, default=None)

    def _new_rows(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for file in sorted(self._folder.glob("load-*.jsonl")):
            for row in self._tails.setdefault(file, Tail(file)).read_new():
                yield file, row


class Watch:
    """The state of one run as its files tell it; `poll` reads what is new."""

    def __init__(self, scenario: Scenario, run: RunDir, view: View) -> None:
        self.phases = PhaseTracker(run)
        self.live = LiveMetrics(run)
        self.guards = Guards(scenario)
        self._view = view
        self._audit_left_s: float | None = None
        self._faults = Tail(run.events / "chaos.jsonl")
        self._marks = Tail(run.events / "mark.jsonl")  # of `gauntlet mark`, while the run lasts

    def poll(self) -> None:
        """Wait a moment, then read and show what is new, and let the guards see it."""
        time.sleep(POLL_S)
        for phase in self.phases.poll():
            self._view.phase(phase)
            if phase == "quiesce":
                self._view.expect(QUIESCE_MAX_S, at_most=True)
        self._expect_end_of_audit()
        for message in self.phases.take_messages():
            self._view.note(message)
        fresh = self.live.read_new()
        for row in self._faults.read_new():
            if row["kind"] == "fault":
                self._view.fault(row)
                self.guards.on_fault(row)
        for row in self._marks.read_new():
            self._view.mark(row)
        self._view.tick(self.live.last, self._elapsed_s())
        # Losses found by the audit at the end stop nothing: the run ends by itself then.
        seen = self.phases.seen
        if fresh and self.live.last is not None and "quiesce" not in seen:
            self.guards.update(self.live.last, seen.get("ramp"), seen.get("steady"))

    def _expect_end_of_audit(self) -> None:
        left_s = None if "flushed" in self.phases.seen else self.phases.audit_left_s()
        if left_s is not None and left_s != self._audit_left_s:
            self._audit_left_s = left_s
            self._view.expect(left_s)

    def _elapsed_s(self) -> float | None:
        """Seconds since the load began; None before it."""
        zero_ns = self.phases.seen.get("ramp")
        return None if zero_ns is None else max(0, clock.now_ns() - zero_ns) / NS_PER_S


def judging_s(run: RunDir) -> float:
    """Return about how long it takes to judge what a run has recorded."""
    sizes = (file.stat().st_size for file in run.history.glob("*.bin"))
    return _JUDGE_BASE_S + sum(sizes) / _JUDGE_BYTES_PER_S
