"""The progress of a run: plain lines and the live panel."""

import io

import pytest
from rich.console import Console

from gauntlet.cli.running.progress import LiveView, PlainView
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


def test_plain_figures_are_printed_every_five_seconds():
    out = io.StringIO()
    with PlainView(Console(file=out, width=200)) as view:
        for tenth in range(110):
            view.tick(FIGURES, tenth / 10)
    assert out.getvalue().count("sent 1,234") == 3


@pytest.mark.parametrize("elapsed_s", [None, 0.0, 5.0, 500.0])
def test_the_panel_shows_countdown_figures_and_the_state_of_each_fault(elapsed_s):
    out = io.StringIO()
    view = LiveView(Console(file=out, width=120, force_terminal=True, color_system=None), SCENARIO)
    with view:
        view.phase("steady")
        view.tick(FIGURES, elapsed_s)
        view.fault(FAULT)
    text = out.getvalue()
    left_s = 12 - min(elapsed_s or 0, 12)
    for shown in ("shown · embedded", f"{left_s:.0f} s left", "1,234", "kill edge", "effective"):
        assert shown in text
