"""What a run shows of the files that its processes write."""

from typing import Any

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner import watch
from gauntlet.runner.watch import PhaseTracker, Watch

SCENARIO = from_builtins({"version": 1, "name": "seen", "about": "x", "load": {"users": 4}})


class Shown:
    """A view that keeps the marks, and ignores the rest."""

    def __init__(self) -> None:
        self.marks: list[dict[str, Any]] = []

    def mark(self, row: dict[str, Any]) -> None:
        self.marks.append(row)

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_options: None


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path, "seen", 1)


def test_a_mark_is_shown_once_when_it_is_made(run, monkeypatch):
    monkeypatch.setattr(watch, "POLL_S", 0.0)
    shown = Shown()
    watching = Watch(SCENARIO, run, shown)
    watching.poll()
    assert shown.marks == []
    journal = Journal(run, "mark")
    journal.write("mark", t_ns=5, id="reboot", step="begin")
    for _ in range(2):
        watching.poll()
    assert [(row["id"], row["step"], row["t_ns"]) for row in shown.marks] == [
        ("reboot", "begin", 5)
    ]
    journal.close()


class View:
    """Keeps phases and expectations in their order."""

    def __init__(self):
        self.seen = []

    def note(self, text):
        self.seen.append(text)

    def phase(self, name):
        self.seen.append(name)

    def expect(self, left_s, *, at_most=False):
        self.seen.append((left_s, at_most))

    def tick(self, live, elapsed_s):
        pass


@pytest.fixture
def followed(tmp_path, monkeypatch):
    """A run without load so far: its journal, the function that polls it, and what is shown."""
    monkeypatch.setattr(watch, "POLL_S", 0)
    run, view = RunDir.create(tmp_path, "x", 1), View()
    journal = Journal(run, "load-0")
    yield journal, watch.Watch(SCENARIO, run, view).poll, view.seen
    journal.close()


def test_the_quiesce_takes_at_most_its_limit(followed):
    journal, poll, seen = followed
    for phase in ("ramp", "steady", "quiesce"):
        journal.write("phase", t_ns=NS_PER_S, phase=phase)
    poll()
    poll()
    assert seen == ["ramp", "steady", "quiesce", (30.0, True)]


def test_the_end_of_a_long_audit_is_expected_by_its_pace_until_it_is_over(followed):
    journal, poll, seen = followed
    journal.write("phase", t_ns=10 * NS_PER_S, phase="audit")
    poll()
    journal.write("audit", t_ns=12 * NS_PER_S, pages=9, conversations=1, of=4)
    poll()
    poll()
    assert seen == ["audit", (6.0, False)]
    journal.write("audit", t_ns=14 * NS_PER_S, pages=9, conversations=2, of=4)
    journal.write("phase", t_ns=18 * NS_PER_S, phase="flushed")
    poll()
    assert seen == ["audit", (6.0, False), "flushed"]


def test_judging_takes_longer_the_more_was_recorded(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    empty_s = watch.judging_s(run)
    (run.history / "0.bin").write_bytes(bytes(1_200_000))
    assert 0 < empty_s < watch.judging_s(run) < empty_s + 1


def test_a_phase_begins_when_the_first_worker_enters_it(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases = PhaseTracker(run)
    master, one, two = (Journal(run, f"load-{name}") for name in ("master", 0, 1))
    master.write("clock", worker=1, host="h", offset_ns=5, error_ns=1, message="ahead")
    master.write("clock", worker=0, host="m", offset_ns=0, error_ns=0, message="no news")
    master.write("phase", t_ns=7, phase="ramp")
    for journal in (one, two):
        journal.write("phase", t_ns=7, phase="ramp")
    two.write("phase", t_ns=9, phase="steady")
    assert sorted(phases.poll()) == ["ramp", "steady"]
    one.write("phase", t_ns=10, phase="steady")
    master.write("worker", worker=0, step="joined", message="no news")
    master.write("worker", worker=0, step="lost", message="Worker 0 was lost")
    assert phases.poll() == []
    assert phases.seen == {"ramp": 7, "steady": 9}
    assert phases.take_messages() == ["ahead", "Worker 0 was lost"]
    assert phases.clocks[1]["offset_ns"] == 5
    for journal in (master, one, two):
        journal.close()


def test_each_phase_is_reported_once(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases, journal = PhaseTracker(run), Journal(run, "load-0")
    assert phases.poll() == []
    journal.write("phase", t_ns=5, phase="ramp")
    assert phases.poll() == ["ramp"]
    assert phases.poll() == []
    assert phases.seen == {"ramp": 5}
    journal.close()


def test_the_slowest_audit_tells_how_long_the_audits_still_take(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases, one, two = PhaseTracker(run), Journal(run, "load-0"), Journal(run, "load-1")
    assert phases.audit_left_s() is None
    one.write("phase", t_ns=10 * NS_PER_S, phase="audit")
    one.write("audit", t_ns=12 * NS_PER_S, pages=5, conversations=0, of=8)
    phases.poll()
    assert phases.audit_left_s() is None  # its pace is not known
    one.write("audit", t_ns=14 * NS_PER_S, pages=9, conversations=2, of=8)
    two.write("audit", t_ns=14 * NS_PER_S, pages=9, conversations=6, of=8)
    two.write("audit", t_ns=14 * NS_PER_S, pages=9)  # of an earlier version
    phases.poll()
    assert phases.audit_left_s() == 12
    one.write("audit", t_ns=18 * NS_PER_S, pages=20, conversations=8, of=8)
    phases.poll()
    assert phases.audit_left_s() == 0
    for journal in (one, two):
        journal.close()
