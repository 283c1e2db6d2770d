"""Storms from the command line to the record, with runs whose results a test decides."""

import json
import os
import signal
from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child
from gauntlet.campaigns.storm import campaign, drawing
from gauntlet.campaigns.storm.campaign import describe
from gauntlet.campaigns.storm.menu import menu_of
from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.scenarios import library

STORM = ["storm", "--seed", "3", "--minutes", "1"]
DRAWN = drawing.draw(menu_of(library.find("storm")), 3, 3.0, 60.0)
IDS = [fault.id for fault in DRAWN]


@pytest.fixture(autouse=True)
def able_machine(monkeypatch):
    """A machine that can run every fault."""
    monkeypatch.setattr(campaign, "unavailable", lambda _: "")


class Runs:
    """Runs that fail with `lost-acked` if all `needed` kinds of faults are in their scenario."""

    def __init__(self):
        self.needed = None
        self.without_result = False
        self.codes = []  # exit codes of the first runs, whatever their faults are
        self.returned = []  # how the processes of the first runs end, unlike their results
        self.faults = []
        self.options = []

    def __call__(self, queue, out, _jobs, finish, _timeout_s):
        for planned in queue:
            number = len(self.faults)
            faults = [fault["id"] for fault in planned.scenario["faults"]]
            self.faults.append(faults)
            self.options.append(planned.options)
            code = self._code(faults)
            folder = out / f"{number}"
            if code != Exit.CONFIG and not self.without_result:
                run = RunDir.make(folder / "run")
                write_json(run.manifest, {})
                write_json(run.result, result(code))
            folder.mkdir(parents=True, exist_ok=True)
            returned = self.returned.pop(0) if self.returned else code
            finish(Child(planned.item, SimpleNamespace(returncode=returned), folder, 0.0))

    def _code(self, faults):
        if self.codes:
            return self.codes.pop(0)
        red = self.needed is not None and all(
            any(name.endswith(kind) for name in faults) for kind in self.needed
        )
        return Exit.FAILED if red else Exit.OK


def result(code):
    """The part of a result that storms read."""
    lost = "invalid" if code == Exit.FAILED else "valid"
    return {
        "verdict": {"exit_code": int(code), "reasons": ["lost-acked: 1 message"] if code else []},
        "checks": [{"id": "lost-acked", "verdict": lost}, {"id": "late", "verdict": "unknown"}],
        "objectives": [],
        "faults": [
            {"id": "f1-partition", "requested_at_s": 7.4, "healed_at_s": 10.5},
            {"id": "f2-pause", "requested_at_s": 10.6, "healed_at_s": None if code == 6 else 14.0},
            {"id": "f3-disconnect", "requested_at_s": None, "healed_at_s": None},
        ],
    }


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Replace the child processes; run directories and records go to a temporary folder."""
    monkeypatch.chdir(tmp_path)
    runs = Runs()
    monkeypatch.setattr(child_runs, "run_all", runs)
    return runs


def records(tmp_path):
    """The records that were written."""
    return [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]


def test_a_storm_that_passes_is_recorded_with_its_faults(runs, tmp_path, capsys):
    assert main.main([*STORM, "--records", "records.jsonl"]) == Exit.OK
    (record,) = records(tmp_path)
    assert len(record["faults"]) == len(runs.faults[0]) == len(IDS)
    assert (record["seed"], record["outcome"]["exit_code"], record["smallest"]) == (3, 0, [])
    assert "storm 3: ok (exit 0)" in capsys.readouterr().out


def test_a_storm_that_fails_is_shrunk_to_the_fault_that_causes_it(runs, tmp_path, capsys):
    runs.needed = [cause] = IDS[-2:-1]
    (tmp_path / "x.py").touch()
    assert main.main([*STORM, "--records", "records.jsonl", "--bug", "x.py"]) == Exit.FAILED
    (record,) = records(tmp_path)
    assert (record["smallest"], record["minimal"]) == ([cause], True)
    replay = (
        f"gauntlet storm storm --stack embedded --seed 3 --minutes 1.0 --bug x.py --only {cause}"
    )
    assert record["replay"] == replay
    out = capsys.readouterr().out
    assert f"repeat it: {replay}" in out
    assert f"lost-acked fails with 1 of {len(IDS)} faults: {cause}" in out
    assert set(runs.options) == {("--bug", "x.py")}


def test_a_storm_with_another_content_of_a_bug_file_is_another_one(runs, tmp_path):
    command = [*STORM, "--records", "records.jsonl", "--bug", "x.py"]
    for content, count in (("a = 1", 1), ("a = 1", 1), ("a = 2", 2)):
        (tmp_path / "x.py").write_text(content)
        assert main.main(command) == Exit.OK
        assert len(runs.faults) == count


def test_a_bug_file_that_cannot_be_read_is_refused_before_the_storm(runs, capsys):
    assert main.main([*STORM, "--records", "records.jsonl", "--bug", "x.py"]) == Exit.CONFIG
    assert runs.faults == []
    assert "--bug must be a readable Python file; x.py" in capsys.readouterr().err


def test_a_storm_that_failed_is_recorded_when_its_shrinking_is_interrupted(
    runs, tmp_path, monkeypatch
):
    def run_all(*arguments):
        if runs.faults:
            os.kill(os.getpid(), signal.SIGTERM)
        runs(*arguments)

    monkeypatch.setattr(child_runs, "run_all", run_all)
    runs.needed = IDS[:1]
    assert main.main([*STORM, "--records", "records.jsonl"]) == Exit.INTERRUPTED
    (record,) = records(tmp_path)
    assert record["outcome"]["failed"] == ["lost-acked"]
    assert record["smallest"] == []


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (
            ("--count", "3", "--records", "records.jsonl"),
            "storms recorded in records.jsonl: 1 of 3; the same command runs the others",
        ),
        (
            ("--count", "3", "--records", "records.jsonl", "--again"),
            (
                "storms recorded in records.jsonl: 1 of 3; the same command without --again "
                "runs the others"
            ),
        ),
        (("--count", "3"), "nothing is recorded, so the same command begins again"),
    ],
)
def test_a_signal_between_two_storms_ends_the_command_in_one_line(
    runs, monkeypatch, capsys, options, end
):
    def run_all(*arguments):
        if runs.faults:
            os.kill(os.getpid(), signal.SIGTERM)
        runs(*arguments)

    monkeypatch.setattr(child_runs, "run_all", run_all)
    assert main.main([*STORM, *options]) == Exit.INTERRUPTED
    assert len(runs.faults) == 1
    assert capsys.readouterr().err == f"gauntlet: stopped by SIGTERM: {end}\n"


def test_the_replay_runs_only_the_faults_that_it_names(runs):
    assert main.main([*STORM, "--only", f"{IDS[5]},{IDS[1]}"]) == Exit.OK
    assert main.main([*STORM, "--only", "none"]) == Exit.OK
    assert runs.faults == [[IDS[1], IDS[5]], []]


def test_a_failure_that_needs_no_fault_is_reported_as_such(runs, capsys):
    runs.needed = []
    assert main.main(STORM) == Exit.FAILED
    assert runs.faults[1] == []
    assert f"0 of {len(IDS)} faults: none is needed" in capsys.readouterr().out


def test_shrinking_stops_after_its_attempts(runs, capsys):
    runs.needed = [IDS[0], IDS[-1]]
    assert main.main([*STORM, "--attempts", "2"]) == Exit.FAILED
    assert len(runs.faults) == 3
    assert "perhaps fewer" in capsys.readouterr().out


def test_without_attempts_nothing_is_shrunk(runs):
    runs.needed = []
    assert main.main([*STORM, "--attempts", "0"]) == Exit.FAILED
    assert len(runs.faults) == 1


@pytest.mark.parametrize("code", [Exit.INCONCLUSIVE, Exit.HARNESS])
def test_a_run_without_a_clear_verdict_is_repeated_once(runs, code):
    runs.codes = [code]
    assert main.main(STORM) == Exit.OK
    assert len(runs.faults) == 2
    runs.codes = [code, code]
    assert main.main(STORM) == code


def test_a_system_that_stayed_broken_counts_as_a_failure(runs, capsys):
    runs.codes = [Exit.ROLLBACK]
    assert main.main([*STORM, "--attempts", "1"]) == Exit.ROLLBACK
    assert len(runs.faults) == 2
    assert f"heal of f2-pause fails with {len(IDS)} of {len(IDS)} faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("returned", "code"),
    [(-9, Exit.HARNESS), (Exit.HARNESS, Exit.HARNESS), (Exit.ROLLBACK, Exit.ROLLBACK)],
)
def test_a_process_that_ends_worse_than_its_result_is_not_green(runs, returned, code, capsys):
    """It broke after it wrote the result, or a fault was not healed."""
    runs.returned = [returned, returned]
    assert main.main([*STORM, "--attempts", "0"]) == code
    assert f"The process ended with exit {int(returned)}; see" in capsys.readouterr().out


@pytest.mark.parametrize("code", [-9, Exit.OK, Exit.ROLLBACK])
def test_a_run_without_a_result_is_never_green_and_is_not_shrunk(runs, code):
    """It was killed, or an earlier run must be recovered first."""
    runs.without_result = True
    runs.codes = [code, code]
    assert main.main(STORM) == (Exit.ROLLBACK if code == Exit.ROLLBACK else Exit.HARNESS)
    assert len(runs.faults) == 2


def test_the_replay_has_the_stack_that_was_chosen(runs, capsys):
    runs.needed = []
    assert main.main([*STORM, "--stack", "full"]) == Exit.FAILED
    assert "storm storm --stack full --seed 3" in capsys.readouterr().out


def test_a_secret_in_the_scenario_is_refused_and_a_reference_is_not(runs, tmp_path, capsys):
    """The scenario of each run is written to a file."""
    text = library.path("storm").read_text()
    for secret, code in (("hunter2", Exit.CONFIG), ("{env: CHAT_TOKEN}", Exit.OK)):
        header = f"headers: {{Authorization: {secret}}}, layout: split"
        (tmp_path / "mine.yaml").write_text(
            text.replace(
                "  stack: embedded\n",
                f"  stack: embedded\n  {header}\n".replace(", layout", "\n  layout"),
            )
        )
        assert main.main(["storm", "mine.yaml", "--allow-exec"]) == code
    assert "must not contain a secret itself" in capsys.readouterr().err
    assert runs.options == [("--allow-exec",)]


def test_several_storms_have_consecutive_seeds_and_the_most_severe_exit_code(
    runs, tmp_path, capsys
):
    runs.codes = [Exit.OK, Exit.FAILED, Exit.OK]
    arguments = [*STORM, "--count", "3", "--attempts", "0", "--records", "records.jsonl"]
    assert main.main(arguments) == Exit.FAILED
    assert [record["seed"] for record in records(tmp_path)] == [3, 4, 5]
    assert "3 storms: 1 failed" in capsys.readouterr().out


def test_a_storm_with_a_recorded_verdict_is_repeated_only_on_demand(runs, tmp_path, capsys):
    runs.codes = [Exit.INCONCLUSIVE, Exit.INCONCLUSIVE, Exit.FAILED]
    arguments = [*STORM, "--attempts", "0", "--records", "records.jsonl"]
    assert main.main(arguments) == Exit.INCONCLUSIVE
    assert main.main(arguments) == Exit.FAILED
    assert main.main(arguments) == Exit.FAILED
    assert "storm 3: recorded (exit 1) lost-acked" in capsys.readouterr().out
    assert len(records(tmp_path)) == 2
    assert main.main([*arguments, "--again"]) == Exit.OK
    assert [record["outcome"]["exit_code"] for record in records(tmp_path)] == [5, 1, 0]
    assert main.main(arguments) == Exit.OK
    assert len(runs.faults) == 4


@pytest.mark.parametrize(
    "other", [["--minutes", "2"], ["--bug", "x.py"], ["--stack", "full"], ["--only", "none"]]
)
def test_another_storm_with_the_same_seed_is_not_the_recorded_one(runs, other, tmp_path):
    (tmp_path / "x.py").touch()
    arguments = [*STORM, "--records", "records.jsonl"]
    assert main.main(arguments) == Exit.OK
    assert main.main([*arguments, *other]) == Exit.OK
    assert len(runs.faults) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rate: 40/s", "rate: 41/s"),
        ("ping_ms: 2000", "ping_ms: 2001"),
        ("target:", "sla: [{id: p50, indicator: ack_p50_ms, op: '<', value: 50}]\ntarget:"),
    ],
    ids=["load", "target", "objectives"],
)
def test_the_storm_of_a_scenario_that_was_edited_is_not_the_recorded_one(
    runs, tmp_path, before, after
):
    """The name of the scenario, the seed and the faults are the same as before."""
    plain = library.path("storm").read_text()
    assert before in plain
    arguments = ["storm", "mine.yaml", "--records", "records.jsonl"]
    for text in (plain, plain.replace(before, after, 1), plain):
        (tmp_path / "mine.yaml").write_text(text)
        assert main.main(arguments) == Exit.OK
    first, second = records(tmp_path)
    assert first["faults"] == second["faults"]


def test_a_record_of_an_earlier_version_counts_for_no_storm(runs, tmp_path):
    arguments = [*STORM, "--records", "records.jsonl"]
    assert main.main(arguments) == Exit.OK
    (record,) = records(tmp_path)
    del record["digest"]
    (tmp_path / "records.jsonl").write_text(json.dumps(record) + "\n")
    assert main.main(arguments) == Exit.OK
    assert len(runs.faults) == 2


def test_a_run_without_a_result_is_reported_with_its_output(runs, capsys):
    runs.codes = [Exit.CONFIG, Exit.CONFIG]
    assert main.main(STORM) == Exit.CONFIG
    assert "no result; see" in capsys.readouterr().out


def test_list_prints_the_faults_and_runs_nothing(runs, capsys):
    assert main.main([*STORM, "--list", "--count", "2"]) == Exit.OK
    out = capsys.readouterr().out
    assert "storm 3:" in out
    assert "storm 4:" in out
    assert all(f"  {describe(fault)}\n" in out for fault in DRAWN)
    assert runs.faults == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--minutes", "0.5"], "--minutes must be between 0.67 and 1440; got 0.5"),
        (["--minutes", "nan"], "--minutes must be between 0.67 and 1440; got nan"),
        (["--count", "0"], "--count must be between 1 and 1000; got 0"),
        (["--attempts", "-1"], "--attempts must be between 0 and 1000; got -1"),
        (["--seed", str(2**63)], f"--seed must have at most 62 bits; got {2**63}"),
        (["--only", "f99-kill"], "--only must be `none`, or some of: f1-"),
        (["--only", "f1-kill", "--count", "2"], "--only must be given with one storm"),
        (["nowhere"], "nowhere"),
    ],
)
def test_bad_usage_is_refused(runs, arguments, error, capsys):
    assert main.main(["storm", *arguments]) == Exit.CONFIG
    assert error in capsys.readouterr().err
    assert runs.faults == []


def test_faults_that_the_machine_cannot_run_are_left_out_with_the_reason(monkeypatch, capsys):
    """The others keep their ids and their times."""
    gone = DRAWN[0].kind
    reasons = {gone: "there is no /dev/fuse"}
    monkeypatch.setattr(campaign, "unavailable", lambda kind: reasons.get(kind, ""))
    assert main.main([*STORM, "--list"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    kept = [f"  {describe(fault)}" for fault in DRAWN if fault.kind != gone]
    left_out = [
        f"  left out: {fault.id}, because there is no /dev/fuse"
        for fault in DRAWN
        if fault.kind == gone
    ]
    assert lines == ["storm 3:", *kept, *left_out]
