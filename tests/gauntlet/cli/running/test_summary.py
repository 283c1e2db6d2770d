"""The result of a run as the terminal shows it."""

import io
from pathlib import Path

from rich.console import Console

from gauntlet.cli.running import summary
from gauntlet.core.run_directory import RunDir

RESULT = {
    "verdict": {"status": "fail", "exit_code": 1, "reasons": [f"reason {n}" for n in range(9)]},
    "self_audit": {"status": "trustworthy", "sentence": "The generator kept its schedule."},
    "checks": [
        {"id": "lost-acked", "required": True, "verdict": "invalid", "examined": 1000, "count": 7},
        {"id": "phantom", "required": False, "verdict": "unknown", "examined": 0, "count": 0},
    ],
    "objectives": [
        {
            "id": "p99", "indicator": "delivery_p99_ms", "verdict": "unknown",
            "window": "steady", "value": None, "op": "<", "target": 500,
        },
        {
            "id": "max", "indicator": "delivery_max_ms", "verdict": "invalid",
            "window": "run", "value": "inf", "op": "<", "target": 60000,
        },
        {
            "id": "slow", "indicator": "ack_p99_ms", "verdict": "invalid",
            "window": "run", "value": 7500.0, "at_least": True, "op": "<", "target": 500,
        },
    ],
}  # fmt: skip


def summary_of_result(hint=None):
    """Return what a terminal with 80 columns shows of the result."""
    out = io.StringIO()
    summary.show(RunDir(Path("runs/x")), RESULT, Console(file=out, width=80), hint=hint)
    return out.getvalue()


def test_checks_objectives_reasons_and_report_are_shown():
    text = summary_of_result()
    for part in (
        "lost-acked", "✘ invalid", "1,000", "? unknown", "∞", "≥ 7.5 s", "< 500 ms",
        "FAIL  exit 1", "reason 4", "numbers: trustworthy. The", "open runs/x/report.html",
    ):  # fmt: skip
        assert part in text
    assert "reason 5" not in text


def test_a_script_finds_the_directory_on_a_line_of_its_own():
    assert summary_of_result().splitlines()[-1] == "run-directory: runs/x"


def test_the_hint_is_shown_only_if_there_is_one():
    assert "next:" not in summary_of_result()
    assert "next: gauntlet run tour" in summary_of_result("gauntlet run tour --bug x")
