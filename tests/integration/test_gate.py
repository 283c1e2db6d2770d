"""gauntlet gate on the embedded stack: green without a bug, red with one."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(600)]

LOAD = {"users": 10, "rate": "20/s", "ramp": "1s", "steady": "8s"}
CUT = {
    "id": "cut", "kind": "disconnect", "target": "client>edge", "at": "3s", "for": "1s",
    "params": {"percent": 30},
}  # fmt: skip


@pytest.fixture
def suite(tmp_path, monkeypatch, require_service):
    """Write a suite of two scenarios, one of them with a fault."""
    require_service("redis")
    monkeypatch.chdir(tmp_path)
    for name, faults in (("calm", []), ("cut", [CUT])):
        scenario = {"version": 1, "name": name, "about": name, "load": LOAD, "faults": faults}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(scenario))
    text = yaml.safe_dump({"version": 1, "scenarios": ["calm.yaml", "cut.yaml"]})
    (tmp_path / "suite.yaml").write_text(text)
    return tmp_path


def test_a_correct_server_is_green_and_all_files_are_written(suite, capsys):
    """A stalled machine may leave a fault without a verdict."""
    code = main.main(["gate", "suite.yaml"])
    output = capsys.readouterr().out
    assert code in (Exit.OK, Exit.INCONCLUSIVE), output
    folder = suite / output.splitlines()[-1].removeprefix("gate-directory: ")
    result = json.loads((folder / "gate.json").read_text())
    verdicts = {case["verdict"] for run in result["runs"] for case in run["cases"]}
    assert "invalid" not in verdicts, output
    assert {run["scenario"] for run in result["runs"]} == {"calm", "cut"}
    suites = ET.fromstring((folder / "junit.xml").read_text()).findall("testsuite")
    names = [each.get("name") for each in suites]
    assert names == ["gauntlet.calm", "gauntlet.cut", "gauntlet.gate.suite"]
    page = (folder / "gate.html").read_text()
    reports = set(re.findall(r'href="(runs/[^"#]+/report\.html)', page))
    assert len(reports) == len(result["runs"])
    assert all((folder / report).is_file() for report in reports)


def test_a_seeded_bug_is_red(suite, capsys):
    code = main.main(["gate", "suite.yaml", "--bug", "ack_before_commit"])
    output = capsys.readouterr().out
    assert code == Exit.FAILED, output
    assert "FAIL  exit 1" in output
    *_, page, _directory = output.splitlines()
    document = (suite / page.removeprefix("gate-page: ")).read_text()
    (banner, _, _) = document.partition("</header>")
    report, anchor = re.findall(r'href="(runs/[^"#]+/report\.html)#([^"]+)"', banner)[0]
    folder = (suite / page.removeprefix("gate-page: ")).parent
    assert f'id="{anchor}"' in (folder / report).read_text()
