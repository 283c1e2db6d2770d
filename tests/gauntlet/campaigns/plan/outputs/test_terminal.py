"""What the terminal shows."""

import io
from pathlib import Path

from rich.console import Console

from gauntlet.campaigns.plan.outputs import terminal

from ..planned import hostile, planned, with_prices


def shown(plan, capsys, width=160):
    stream = io.StringIO()
    terminal.show(plan, Path("runs/plan/x"), Console(file=stream, width=width, highlight=False))
    return stream.getvalue() + capsys.readouterr().out


def test_the_answer_is_first_and_the_directory_last(capsys):
    plan = with_prices()
    text = shown(plan, capsys)
    assert text.startswith(plan.answer[:100])
    assert text.endswith("plan-directory: runs/plan/x\n")
    for part in ("edge", "headroom ends", "99 % back after a loss", "EUR a month"):
        assert part in text
    assert "≈ is extrapolated" in text


def test_a_narrow_terminal_cuts_no_number_off(capsys):
    plan = planned(users=1e12)
    text = shown(plan, capsys, width=40)
    assert "…" not in text
    assert "".join(f"{plan.nodes:,}".split()) in "".join(text.split())


def test_hostile_texts_are_no_markup_and_control_nothing(capsys):
    text = shown(hostile(), capsys)
    assert "\x1b[31m" not in text
    assert "<img src=x" in text


def test_within_what_was_measured_only_the_headroom_is_extrapolated(capsys):
    lines = shown(planned(users=6_000, zones=1), capsys).splitlines()
    assert [line.split()[0] for line in lines if "≈" in line] == ["headroom", "≈"]
