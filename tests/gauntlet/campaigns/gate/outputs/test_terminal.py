"""The end of a gate in the terminal."""

import sys
from xml.etree import ElementTree as ET

import pytest

from gauntlet.campaigns.gate.outputs import github, terminal, writing

from . import gates, hostile
from .example import hostile_gate


def test_hostile_texts_are_written_everywhere(tmp_path, capsys):
    found = hostile_gate()
    writing.write(found, tmp_path)
    ET.fromstring((tmp_path / "junit.xml").read_text())
    terminal.show(found)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "lost-acked" not in shown
    assert "FAIL  exit 1" in shown


def test_no_line_is_a_command_but_the_annotations(tmp_path, capsys):
    found = hostile_gate()
    terminal.show(found)
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    github.report(found, tmp_path, {"GITHUB_ACTIONS": "true"})
    assert capsys.readouterr().out.count("\n") == len(github.annotations(found))


@pytest.mark.parametrize("text", [hostile.LINES, hostile.ALL, "::error::x", " ::x", "\u200b::x"])
def test_a_text_is_one_line_and_no_command(text, capsys):
    terminal.say(text)
    (line,) = capsys.readouterr().out.splitlines()
    assert not line.lstrip().startswith("::")


def test_a_comparison_is_said_once_and_the_worst_one_first(capsys):
    found = gates.slower()
    terminal.show(found)
    shown = capsys.readouterr().out
    assert [line[0] for line in shown.splitlines() if ": " in line][:4] == ["✘", "?", "?", "✔"]
    for each in found.comparisons:
        assert shown.count(each.sentence) == 1


def test_a_reason_that_is_no_comparison_is_said(capsys):
    terminal.show(gates.incorrect())
    shown = capsys.readouterr().out
    for reason in gates.incorrect().verdict.reasons:
        assert f"  · {reason}" in shown


def test_a_terminal_shows_whole_words_below_each_other(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal.say("✘ chat: ack_p50_ms in steady load is higher by 8 % or more.")
    assert capsys.readouterr().out.splitlines() == [
        "✘ chat: ack_p50_ms in steady load is",
        "  higher by 8 % or more.",
    ]


def test_a_log_has_one_line_for_each_comparison(capsys):
    terminal.say("✘ chat: " + "x " * 200)
    assert len(capsys.readouterr().out.splitlines()) == 1
