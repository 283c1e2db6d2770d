"""The scratch repository of live gates, and the command that is typed in it."""

import json
import subprocess
import sys

import pytest

from benchmarks.gate import live, records
from benchmarks.gate.subject import subject
from gauntlet.campaigns.gate import suite
from gauntlet.chaos.server_hooks.bug_files import find_bug
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.model import to_builtins

SUITE = {"version": 1, "name": "change", "scenarios": ["gate.yaml"], "compare": {"against": {}}}


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    live.make_repository(folder, SUITE, to_builtins(subject(1, ["load.steady=4s"]).scenario))
    return folder


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_change_is_one_commit_that_changes_the_server(repository):
    for change in live.changes():
        names = git(repository, "diff", "--name-only", "main", change.name).split()
        assert names == [live.SERVER]
        assert len(git(repository, "log", "--oneline", f"main..{change.name}").splitlines()) == 1


def test_every_version_of_the_server_can_be_loaded(repository, tmp_path):
    services = {}
    for name in ("main", "equal", "slow", "defect"):
        git(repository, "switch", "-q", name)
        services[name] = find_bug(str(repository / live.SERVER)).services
        compile((repository / live.SERVER).read_text(), name, "exec")
    assert services == {
        "main": ("gateway",), "equal": ("gateway",), "slow": ("gateway",), "defect": ("message",),
    }  # fmt: skip


def test_the_suite_and_the_scenario_are_valid(repository):
    assert suite.load(repository / "suite.yaml").compare.against is not None
    assert loader.load(repository / "gate.yaml").load.steady == 4


def test_gates_of_other_content_belong_to_another_repository(monkeypatch):
    plain = to_builtins(subject(1, []).scenario)
    digests = {live.digest_of(SUITE, plain), live.digest_of({**SUITE, "repeat": 2}, plain)}
    changed = tuple(each._replace(content=f"{each.content}\n") for each in live.changes())
    monkeypatch.setattr(live, "changes", lambda: changed)
    digests.add(live.digest_of(SUITE, plain))
    assert len(digests) == 3
    assert live.digest_of(SUITE, plain) in digests


def test_gates_are_recorded_and_not_repeated(tmp_path, monkeypatch):
    commands = []
    real = subprocess.run

    def fake(command, **options):
        if command[0] == "git":
            return real(command, **options)
        branch = git(options["cwd"], "branch", "--show-current").strip()
        commands.append((branch, command[1:]))
        (options["cwd"] / "runs").mkdir(exist_ok=True)
        code = 0 if branch == "equal" else 1
        result = {
            "id": "g", "suite": "change", "labels": {}, "started": "", "seconds": 1.0,
            "machine": {}, "mode": "against", "scenarios": [], "runs": [],
            "verdict": {"status": "pass", "exit_code": code, "reasons": ["A reason."]},
        }  # fmt: skip
        (options["cwd"] / "runs" / "gate.json").write_text(json.dumps(result))
        return subprocess.CompletedProcess(command, code, "…\ngate-directory: runs\n")

    monkeypatch.setattr(live.subprocess, "run", fake)
    file = tmp_path / "gates.jsonl"
    for _ in range(2):
        live.make(file, tmp_path / "out", 2, {"against": {}}, [])
    assert commands == [
        (name, ["gate", "suite.yaml", "--bug", live.SERVER])
        for name in ("equal", "slow", "defect") * 2
    ]
    found = records.read_gates(file)
    assert [each.exit_code for each in found] == [0, 1, 1] * 2
    assert found[0].command == "gauntlet gate suite.yaml --bug server.py"
    assert sys.executable not in found[0].command
