"""`gauntlet grades` on real servers: cells are recorded, not repeated, and written as a page."""

import pytest

from gauntlet.campaigns.grades import records
from gauntlet.cli import main
from gauntlet.core.errors import Exit

pytestmark = [pytest.mark.integration, pytest.mark.ci]


def test_a_campaign_records_a_green_and_a_red_and_does_not_repeat_them(
    tmp_path, require_service, capsys
):
    require_service("mosquitto")
    file, page = tmp_path / "grades.jsonl", tmp_path / "grades.md"
    cells = ["mosquitto/qos-0/away", "mosquitto/qos-1-disk/away"]
    command = ["grades", "--records", str(file), "--out", str(tmp_path / "runs")]

    code = main.main([*command, *cells])

    found = records.read(file)
    assert {name: each.verdict for name, each in found.items()} == {
        "mosquitto/qos-0/away": "fail",
        "mosquitto/qos-1-disk/away": "pass",
    }, capsys.readouterr().out
    assert code == Exit.FAILED
    assert found["mosquitto/qos-0/away"].violations[0].startswith("undelivered:")
    assert found["mosquitto/qos-1-disk/away"].grades["loss"] in "ABC"
    assert "2.0" in found["mosquitto/qos-0/away"].server

    size = file.stat().st_size
    assert main.main([*command, *cells]) == Exit.FAILED
    assert file.stat().st_size == size
    assert "0 cells to run, 2 have a verdict already" in capsys.readouterr().out

    assert main.main([*command, "--render", "--page", str(page)]) == Exit.OK
    assert "$ gauntlet grades --show mosquitto/qos-0/away" in page.read_text()


def test_a_server_that_is_not_installed_skips_its_cells(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gauntlet.stacks.server_stack.Program.find", lambda _: None)
    file = tmp_path / "grades.jsonl"
    command = ["grades", "nats/core", "--records", str(file), "--out", str(tmp_path / "runs")]
    assert main.main(command) == Exit.OK
    assert "skipped: 6 cells of the stack nats: nats-server is not installed" in (
        capsys.readouterr().out
    )
    assert not file.exists()
