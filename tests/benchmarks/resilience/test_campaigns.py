"""A campaign does what has no record yet."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from benchmarks.resilience import campaigns, deaths, kills, storm_bugs
from benchmarks.resilience.records import KillsRecord
from benchmarks.resilience.storm_bugs import Search
from gauntlet.campaigns import record_files
from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.core.errors import StackError
from gauntlet.core.scenario import validation

from .test_page import DEATH, FAILED, KILLS, PASSED, STORM


@pytest.fixture
def file(tmp_path):
    return tmp_path / "records.jsonl"


def test_kills_go_on_after_the_seeds_that_are_recorded(file, monkeypatch):
    asked = []

    def run(stack, seed, count, *, hooks):
        asked.append((stack, seed, count))
        if len(asked) == 1:
            raise StackError("no boot")
        return msgspec.structs.replace(KILLS, stack=stack, seed=seed)

    monkeypatch.setattr(kills, "run", run)
    record_files.append(file, KILLS)
    found = campaigns.kill_until(15, ("embedded", "full"), 5, file, bug="", say=lambda _: None)
    assert asked == [("embedded", 2, 5), ("full", 1, 5), ("embedded", 3, 5)]
    assert campaigns.count(found) == 15
    asked.clear()
    campaigns.kill_until(15, ("full",), 5, file, bug="", say=lambda _: None)
    assert asked == []


def test_a_run_that_broke_a_promise_or_did_not_recover_is_bad():
    assert not campaigns.is_bad(KILLS)
    for change in (
        {"violations": {"lost": 1}},
        {"complete": False},
        {"refused": 1},
        {"not_restored": ("broker is exited",)},
        {"client_errors": ("RuntimeError('gone')",)},
    ):
        record = msgspec.structs.replace(KILLS, **change)
        assert campaigns.is_bad(record)
    assert not campaigns.is_bad(msgspec.structs.replace(KILLS, errors=("kill a: slow",)))


def test_what_did_not_come_back_and_which_client_failed_is_named():
    record = msgspec.structs.replace(
        KILLS, not_restored=("broker is exited",), client_errors=("RuntimeError('gone')",)
    )
    assert campaigns.described(record)[1:] == [
        "not restored: broker is exited",
        "a client failed: RuntimeError('gone')",
    ]


@contextlib.contextmanager
def unreachable(*_):
    """A server that booted, and whose supervisor does not answer any more."""
    yield SimpleNamespace(control=ControlClient("http://127.0.0.1:1", "x"), names=lost, api=[])


def lost():
    raise StackError("control API: GET /components: no answer")


def test_a_server_that_dies_after_its_boot_is_recorded(file, monkeypatch):
    monkeypatch.setattr(kills, "running", unreachable)
    campaigns.kill_until(5, ("embedded",), 5, file, bug="", say=lambda _: None)
    found = list(record_files.read(file, KillsRecord))
    assert [record.seed for record in found] == [1, 2, 3]
    assert all(map(campaigns.is_bad, found))
    assert "no answer" in found[0].not_restored[0]


def test_what_the_clients_saw_until_the_supervisor_died_is_kept():
    dead = ControlClient("http://127.0.0.1:1", "x")
    restored = kills._restored(dead, ["gateway-1"])
    assert "GET /components: no answer" in restored.missing[0]


def test_kills_end_after_three_runs_without_a_disruption(file, monkeypatch):
    seeds = []

    def run(stack, seed, count, *, hooks):
        seeds.append(seed)
        disruptions = {"kill": {"broker": 1}} if seed == 2 else {}
        return msgspec.structs.replace(KILLS, seed=seed, disruptions=disruptions)

    monkeypatch.setattr(kills, "run", run)
    found = campaigns.kill_until(9, ("embedded",), 5, file, bug="", say=lambda _: None)
    assert seeds == [1, 2, 3, 4, 5]
    assert campaigns.count(found) == 1


def test_deaths_go_on_after_the_seeds_that_are_recorded(file, monkeypatch):
    def trial(scenario, seed):
        record = msgspec.structs.replace(DEATH, scenario=scenario, seed=seed)
        return contextlib.nullcontext(SimpleNamespace(run=lambda: record))

    monkeypatch.setattr(deaths, "trial", trial)
    record_files.append(file, DEATH)
    record_files.append(file, msgspec.structs.replace(DEATH, scenario="tour"))
    found = campaigns.die_until(4, "faults", file, lambda _: None)
    assert [record.seed for record in found] == [1, 0, 2, 3]


def test_a_bug_is_looked_for_until_it_is_found_or_the_budget_is_used_up(file, monkeypatch):
    outcomes = {"ack_before_commit": iter([PASSED, FAILED]), "no_fsync": iter([PASSED] * 5)}

    def run(self, storm):
        name = storm.name.removeprefix("bug-")
        outcome = next(outcomes[name])
        record = msgspec.structs.replace(
            STORM, scenario=storm.name, seed=storm.seed, bug=storm.bug, outcome=outcome
        )
        record_files.append(file, record)

    monkeypatch.setattr(storm_bugs.Campaign, "run", run)
    chosen = storm_bugs.subjects(("ack_before_commit", "no_fsync"))
    found = list(storm_bugs.search_all(chosen, file, file.parent, lambda _: None))
    assert [(each.bug, each.found, len(each.storms)) for each in found] == [
        ("ack_before_commit", True, 2),
        ("no_fsync", False, 3),
    ]
    again = list(storm_bugs.search_all(chosen, file, file.parent, lambda _: None))
    assert again == found


def test_a_storm_without_a_verdict_is_no_part_of_the_budget(file):
    unclear = msgspec.structs.replace(PASSED, exit_code=5)
    for outcome in (PASSED, unclear):
        record_files.append(file, msgspec.structs.replace(STORM, scenario="bug-x", outcome=outcome))
    assert len(storm_bugs.searches(file)["x"].storms) == 1
    assert not Search("x", (STORM,) * 2).is_over


@pytest.mark.parametrize("subject", storm_bugs.subjects(), ids=lambda subject: subject.name)
def test_every_seeded_bug_has_a_valid_storm(subject):
    storm = storm_bugs.storm(subject, 1)
    assert list(validation.problems(storm.scenario)) == []
    assert storm.bug
    assert storm.planned().faults


def test_the_records_of_a_search_do_not_contain_the_folder_of_the_clone():
    for subject in storm_bugs.subjects():
        assert not Path(storm_bugs.storm(subject, 1).bug).is_absolute()
