"""When the harness dies, and what counts as left behind."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.resilience import deaths, leftovers
from benchmarks.resilience.deaths import Trial, moment
from benchmarks.resilience.leftovers import Traces

UNATTACHED = leftovers._unattached


def test_moments_depend_on_the_seed_only_and_have_all_phases():
    moments = [moment(seed, 14.0) for seed in range(100)]
    assert moments == [moment(seed, 14.0) for seed in range(100)]
    assert {each.phase for each in moments} == {"boot", "load", "end"}
    assert max(each.after_s for each in moments if each.phase == "load") <= 14.0


@pytest.fixture
def traces(tmp_path, monkeypatch):
    # Other tests may leave shared memory for a moment, when they kill a database.
    monkeypatch.setattr(leftovers, "_shared_memory", set)
    monkeypatch.setattr(leftovers, "_unattached", set)
    for name in ("tmp", "state"):
        (tmp_path / name).mkdir()
    return Traces(tmp_path / "tmp", tmp_path / "state", tmp_path / "flag")


def test_nothing_is_left_of_a_run_that_left_nothing(traces, monkeypatch):
    assert traces.left() == ()


@pytest.mark.parametrize("name", ["tmp/data", "state/run.jsonl", "flag"])
def test_files_and_the_effect_of_the_command_are_left(traces, tmp_path, monkeypatch, name):
    monkeypatch.setattr("benchmarks.resilience.leftovers._SETTLE_S", 0.0)
    (tmp_path / name).write_text("")
    assert len(traces.left()) == 1
    assert sum(traces.counts().values()) == 1


def test_a_process_is_recognised_by_its_environment_and_a_server_by_its_folder(traces, tmp_path):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    by_environment = subprocess.Popen(
        sleep, env={**os.environ, "GAUNTLET_STATE_DIR": str(tmp_path / "state")}
    )
    by_folder = subprocess.Popen(sleep, cwd=tmp_path / "tmp")
    try:
        found = {process.pid for process in traces.processes()}
        assert found == {by_environment.pid, by_folder.pid}
        by_folder.send_signal(19)
        while traces.counts()["stopped"] == 0:
            pass
        assert traces.counts()["processes"] == 2
    finally:
        traces.end()
        assert {by_environment.wait(30), by_folder.wait(30)} == {-9}
    assert list(traces.processes()) == []


def test_a_control_group_that_a_journal_names_is_left_while_it_exists(
    traces, tmp_path, monkeypatch
):
    monkeypatch.setattr("benchmarks.resilience.leftovers._SETTLE_S", 0.0)
    group = tmp_path / "gauntlet-0"
    group.mkdir()
    journal = tmp_path / "state" / "run.jsonl"
    journal.write_text(json.dumps({"kind": "control-group", "path": str(group)}) + "\ntorn")
    traces.counts()
    journal.unlink()
    assert traces.left() == (f"a control group: {group}",)
    group.rmdir()
    assert traces.left() == ()


def test_segments_that_no_process_has_attached_are_left(traces, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.resilience.leftovers._SETTLE_S", 0.0)
    table = tmp_path / "shm"
    rows = ["key shmid perms size cpid lpid nattch uid", "0 7 600 56 1 1 0 0", "0 8 600 56 1 1 2 0"]
    table.write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(leftovers, "_unattached", lambda: UNATTACHED(table))
    assert traces.left() == ("a System V segment: 7",)
    traces = Traces(tmp_path / "tmp", tmp_path / "state", tmp_path / "flag")
    assert traces.left() == ()


def test_faults_that_were_requested_and_not_healed_act(tmp_path):
    trial = Trial(tmp_path, "faults", 0)
    trial._command()
    events = tmp_path / "runs" / "r" / "events"
    events.mkdir(parents=True)
    rows = [("command", "requested"), ("disconnect", "requested"), ("disconnect", "effective"),
            ("disconnect", "healed")]  # fmt: skip
    lines = [json.dumps({"kind": "fault", "id": name, "step": step}) for name, step in rows]
    (events / "chaos.jsonl").write_text("\n".join([*lines, '{"kind": "fa']))
    assert trial._acting() == ["command"]


def test_a_run_that_ends_before_its_death_is_no_death(tmp_path, monkeypatch):
    trial = Trial(tmp_path, "faults", 0)
    monkeypatch.setattr(trial, "_command", lambda: [sys.executable, "-c", "print('no boot')"])
    with pytest.raises(deaths.EndedEarly, match="no boot"):
        trial.run()


def test_an_interrupted_trial_is_recovered_and_leaves_no_process_or_folder(tmp_path, monkeypatch):
    marker = tmp_path / "recovered"
    recovery = [sys.executable, "-c", f"open({str(marker)!r}, 'w'); print('{{\"outcomes\": []}}')"]
    monkeypatch.setattr(deaths, "python", lambda *_: recovery)
    monkeypatch.setattr(deaths, "moment", lambda *_: deaths.Moment("load", 60.0))
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(Trial, "_command", lambda _: sleep)
    children = []

    def interrupt(_self, child):
        children.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trial, "_wait_for_load", interrupt)
    with pytest.raises(KeyboardInterrupt), deaths.trial("faults", 0) as trial:
        trial.run()
    assert children[0].returncode == -9
    assert marker.exists()
    assert not trial._folder.exists()


def recovered(tmp_path, monkeypatch, script):
    """The record of a death after which `gauntlet recover` is a script; nothing else was left."""
    monkeypatch.setattr(deaths, "python", lambda *_: [sys.executable, "-c", script])
    trial = Trial(tmp_path, "faults", 0)
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(trial, "_die", lambda _: None)
    monkeypatch.setattr(trial.traces, "left", lambda: ())
    return trial.run()


def test_a_recovery_that_does_not_end_is_recorded_as_left(tmp_path, monkeypatch):
    monkeypatch.setattr(deaths, "_RECOVER_S", 0.5)
    record = recovered(tmp_path, monkeypatch, "import time; time.sleep(60)")
    assert record.recover_code == 1
    assert record.left[0] == "a recovery that did not end within 0.5 s"
    assert "a second recovery" in record.left[1]


def test_what_a_recovery_does_is_not_left_but_a_second_one_must_do_nothing(tmp_path, monkeypatch):
    once = """
import json, pathlib
done = pathlib.Path("done")
print(json.dumps({"outcomes": [] if done.exists() else [{"text": "killed it"}]}))
done.touch()
"""
    record = recovered(tmp_path, monkeypatch, once)
    assert (record.recover_code, record.left) == (0, ())
    every_time = """print('{"outcomes": [{"text": "killed it"}]}')"""
    (tmp_path / "again").mkdir()
    record = recovered(tmp_path / "again", monkeypatch, every_time)
    assert record.left == ("a second recovery found something: ['killed it']",)


def test_a_recovery_that_crashes_is_recorded(tmp_path, monkeypatch):
    record = recovered(tmp_path, monkeypatch, "raise SystemExit('no journal')")
    assert record.recover_code == 1
    assert "no journal" in record.left[0]
