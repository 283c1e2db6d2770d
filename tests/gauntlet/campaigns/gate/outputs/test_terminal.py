"""The end of a gate in the terminal."""

from xml.etree import ElementTree as ET

import pytest

from gauntlet.campaigns.gate.outputs import github, terminal, writing

from . import hostile
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
