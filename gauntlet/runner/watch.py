"""Follows a run while it lasts: reads what its processes write, shows it, applies the guards."""

import time

from gauntlet.core import clock
from gauntlet.core.errors import Interrupted
from gauntlet.core.run_directory import RunDir, Tail
from gauntlet.core.scenario.model import Scenario
from gauntlet.runner.live_metrics import LiveMetrics
from gauntlet.runner.load_process import PhaseTracker
from gauntlet.runner.view import View

POLL_S = 0.2


class Watch:
    """The state of one run as its files tell it; `poll` reads what is new."""

    def __init__(self, scenario: Scenario, run: RunDir, view: View) -> None:
        self.phases = PhaseTracker(run)
        self.live = LiveMetrics(run)
        self._scenario = scenario
        self._view = view
        self._faults = Tail(run.events / "chaos.jsonl")

    def poll(self) -> None:
        """Wait a moment, then read and show what is new; Interrupted if a guard stops the run."""
        time.sleep(POLL_S)
        for phase in self.phases.poll():
            self._view.phase(phase)
        for message in self.phases.take_messages():
            self._view.note(message)
        self.live.read_new()
        for row in self._faults.read_new():
            if row["kind"] == "fault":
                self._view.fault(row)
        self._view.tick(self.live.last, self._elapsed_s())
        self._apply_guards()

    def _elapsed_s(self) -> float | None:
        """Seconds since the load began; None before it."""
        zero_ns = self.phases.seen.get("ramp")
        return None if zero_ns is None else max(0, clock.now_ns() - zero_ns) / clock.NS_PER_S

    def _apply_guards(self) -> None:
        # Losses found by the audit at the end stop nothing: the run ends by itself then, and
        # stopping it would discard the evidence it is judged by.
        lost = self.live.lost_before_audit
        if lost and any(guard.check == "lost-acked" for guard in self._scenario.guards):
            raise Interrupted(f"a guard stopped the run: {lost} acknowledged messages were lost")
