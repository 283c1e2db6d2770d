"""The progress of a run: plain lines and the live panel."""

import io
import re

import pytest
from rich.console import Console

from gauntlet.cli.running.progress import Countdown, LiveView, PlainView
from gauntlet.core.scenario.model import from_builtins

SCENARIO = from_builtins(
    {
        "version": 1,
        "name": "shown",
        "about": "x",
        "load": {"users": 4, "ramp": "2s", "steady": "10s"},
        "faults": [{"id": "gone", "kind": "kill", "target": "edge", "at": "3s", "for": "2s"}],
    }
)
FIGURES = {
    "connections": 4,
    "sent": 1234,
    "acked": 1230,
    "outstanding": 4,
    "delivered": 2400,
    "missing": 6,
    "ack_p99_ms": 12.34,
    "delivery_p99_ms": None,
}
FAULT = {"id": "gone", "fault": "kill", "target": "edge", "step": "effective", "proof": {"pid": 7}}


def test_plain_lines_contain_phases_faults_with_proof_and_figures():
    out = io.StringIO()
    with PlainView(Console(file=out, width=40)) as view:
        view.phase("steady")
        view.fault(FAULT)
        view.tick(FIGURES, 3.0)
    text = out.getvalue()
    assert "== steady\n" in text
    assert "fault gone: effective (kill edge): pid 7" in text
    assert "sent 1,234" in text
    assert "ack p99 12.3 ms  delivery p99 –" in text


def test_the_proof_of_a_fault_is_printed_without_the_notation_of_python():
    out = io.StringIO()
    proof = {"connections": {"blue": 20, "green": 0}, "components": ["edge-1", "edge-2"]}
    with PlainView(Console(file=out, width=200)) as view:
        view.fault({**FAULT, "proof": {**proof, "error": None, "dropped": []}})
    shown = ": connections (blue 20, green 0), components edge-1 edge-2, error none, dropped none"
    assert out.getvalue().strip().endswith(shown)


def test_plain_figures_are_printed_every_five_seconds():
    out = io.StringIO()
    with PlainView(Console(file=out, width=200)) as view:
        for tenth in range(110):
            view.tick(FIGURES, tenth / 10)
    assert out.getvalue().count("sent 1,234") == 3


@pytest.fixture
def panel():
    """A panel on a terminal of 120 columns, its clock, and what it shows."""
    return Shown()


class Shown:
    """A panel that draws on request only."""

    def __init__(self):
        self.now_s = 100.0
        self._out = io.StringIO()
        console = Console(file=self._out, width=120, force_terminal=True, color_system=None)
        self.view = LiveView(console, SCENARIO, lambda: self.now_s)
        self.view._screen.auto_refresh = False

    def drawn(self):
        """The text of a panel as it is now."""
        out = io.StringIO()
        Console(file=out, width=120).print(self.view._panel())
        return out.getvalue()

    def text(self):
        """All that the terminal has received, but for movements of its cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._out.getvalue())


@pytest.mark.parametrize("elapsed_s", [None, 0.0, 5.0, 500.0])
def test_the_panel_shows_countdown_figures_and_the_state_of_each_fault(elapsed_s, panel):
    with panel.view as view:
        view.phase("steady")
        view.tick(FIGURES, elapsed_s)
        view.fault(FAULT)
    left_s = 12 - min(elapsed_s or 0, 12)
    text = panel.text()
    for shown in ("shown · embedded", f"{left_s:.0f} s of load left", "1,234", "kill edge"):
        assert shown in text
    assert "effective" in text


def test_after_the_load_the_countdown_says_how_long_each_phase_still_takes(panel):
    view = panel.view
    view.tick(FIGURES, 12.0)
    view.phase("quiesce")
    view.expect(30.0, at_most=True)
    assert "at most 30 s left" in panel.drawn()
    panel.now_s += 12.5
    assert "at most 18 s left" in panel.drawn()
    view.phase("audit")
    panel.now_s += 3
    assert "3 s so far" in panel.drawn()
    view.expect(6.0)
    panel.now_s += 2
    assert "about 4 s left" in panel.drawn()
    view.phase("flushed")
    assert "cleaning up" in panel.drawn()
    assert "0 s so far" in panel.drawn()
    view.phase("judging")
    view.expect(2.0)
    assert "judging" in panel.drawn()
    assert "about 2 s left" in panel.drawn()
    assert "of load left" not in panel.drawn()


def test_a_phase_that_takes_longer_than_expected_says_so_and_counts_on(panel):
    panel.view.phase("judging")
    panel.view.expect(2.0)
    panel.now_s += 7
    assert "7 s so far, longer than expected" in panel.drawn()


def test_the_bar_shows_how_much_of_a_phase_is_over():
    assert Countdown(10.0, 20.0).share(12.5) == 0.25
    assert Countdown(10.0, 20.0).share(20.0) is None
    assert Countdown(10.0, None).share(12.0) is None


def test_a_line_for_each_fault_that_was_injected_stays_on_the_terminal(panel):
    with panel.view as view:
        view.tick(FIGURES, 3.1)
        view.fault(FAULT)
        view.tick(FIGURES, 5.44)
        view.fault({**FAULT, "step": "heal-requested"})
        view.fault({**FAULT, "step": "healed"})
    line = panel.text().splitlines()[-1]
    assert line.lstrip("\r").startswith("3–5 s  ")
    assert "gone" in line
    assert "kill edge" in line
    assert "healed, acted 3.1–5.4 s" in line


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([("requested", 3.0)], "requested"),
        ([("requested", 3.0), ("failed", 4.0)], "failed"),
        ([("missed", 3.0)], "missed"),
        ([("effective", 3.0), ("heal-failed", 6.0)], "heal-failed, acts since 3.0 s"),
        ([("effective", 3.0), ("failed", 4.0), ("healed", 5.0)], "healed, acted 3.0–5.0 s"),
        ([("effective", None)], "effective"),
    ],
)
def test_the_line_of_a_fault_says_whether_and_when_it_acted(steps, shown, panel):
    with panel.view as view:
        for step, at_s in steps:
            view.tick(FIGURES, at_s)
            view.fault({**FAULT, "step": step})
    assert panel.text().rstrip().endswith(shown)


def test_a_run_that_ended_before_any_fault_leaves_no_lines(panel):
    with panel.view:
        pass
    assert "waiting" not in panel.text().splitlines()[-1]
