"""The end of a gate in the terminal."""

from xml.etree import ElementTree as ET

from gauntlet.campaigns.gate.outputs import terminal, writing

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
