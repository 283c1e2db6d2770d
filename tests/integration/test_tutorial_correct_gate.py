"""The tutorial docs/tutorial/correct-gate.md, executed in an empty folder."""

import json

import pytest

from .tutorial_pages import TUTORIALS, follow, shell_in

pytestmark = pytest.mark.integration

PAGE = (TUTORIALS / "correct-gate.md").read_text()
# From here on, gates make ten runs each.
SLOW_PART = "\n## 3 "
TIMEOUT_S = 900.0
STORED = 'gauntlet gate stored.yaml; echo "exit $?"'
REFUSED = 4


@pytest.fixture
def folder(tmp_path, monkeypatch, require_service):
    """Return an empty folder. A job that runs this test has a summary of its own to protect."""
    require_service("redis")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def gates(folder, name):
    """Return the results of the gates of a suite, the first one first."""
    files = sorted(folder.glob(f"runs/gate/*-{name}-*/gate.json"))
    return [json.loads(file.read_text()) for file in files]


def check_stored(found, output):
    """Check a gate with a baseline, which may be refused if no run of it could be trusted."""
    if found:
        (stored,) = found
        assert stored["verdict"]["exit_code"] in (0, 5)
    else:
        assert "has measured ack_p50_ms" in output
        assert f"exit {REFUSED}\n" in output


@pytest.mark.ci
@pytest.mark.timeout(300)
def test_tutorial_correct_gate_until_the_defect_is_found(folder, tmp_path):
    follow(PAGE.partition(SLOW_PART)[0], folder, shell_in(folder, tmp_path / "bin", TIMEOUT_S))
    passed, failed = gates(folder, "suite")
    assert (passed["verdict"]["exit_code"], failed["verdict"]["exit_code"]) == (0, 1)
    summary = (folder / "job-summary.md").read_text()
    assert all(reason in summary for reason in failed["verdict"]["reasons"][:1])


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_tutorial_correct_gate_as_a_whole(folder, tmp_path):
    """A busy machine may leave a comparison undecided; it must never be decided wrongly."""
    shell, outputs = shell_in(folder, tmp_path / "bin", TIMEOUT_S), {}

    def noted(command):
        done = shell(command)
        outputs[command] = done.stdout + done.stderr
        return done

    follow(PAGE, folder, noted)
    calibrated, equal, slower = gates(folder, "compare")
    assert calibrated["mode"] == "calibration"
    (figure,) = calibrated["calibration"]
    assert (figure["indicator"], figure["window"]) == ("ack_p50_ms", "steady")
    assert equal["verdict"]["exit_code"] in (0, 5)
    assert slower["verdict"]["exit_code"] in (1, 5)
    check_stored(gates(folder, "stored"), outputs[STORED])
