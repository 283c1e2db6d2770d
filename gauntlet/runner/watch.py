"""Follows a run while it lasts: reads what its processes write, shows it, applies the guards."""

import time

from gauntlet.core import clock
from gauntlet.core.run_directory import RunDir, Tail
from gauntlet.core.scenario.model import QUIESCE_MAX_S, Scenario
from gauntlet.runner.guards.watcher import Guards
from gauntlet.runner.live_metrics import LiveMetrics
from gauntlet.runner.load_process import PhaseTracker
from gauntlet.runner.view import View

POLL_S = 0.2
# How long the judge and the report take, on a machine that is not fast: to begin, and per byte.
_JUDGE_BASE_S = 2.0
_JUDGE_BYTES_PER_S = 12e6


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
        return None if zero_ns is None else max(0, clock.now_ns() - zero_ns) / clock.NS_PER_S


def judging_s(run: RunDir) -> float:
    """Return about how long it takes to judge what a run has recorded."""
    sizes = (file.stat().st_size for file in run.history.glob("*.bin"))
    return _JUDGE_BASE_S + sum(sizes) / _JUDGE_BYTES_PER_S
