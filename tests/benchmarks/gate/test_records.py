"""Which recorded runs are pairs."""

from pathlib import Path

import pytest

from benchmarks.gate import records
from benchmarks.gate.records import RunRecord


def record(seed, arm, subject="a", **changes):
    fields = {
        "started": "2026-11-30T03:00:00",
        "seconds": 15.0,
        "exit_code": 0,
        "status": "pass",
        "unusable": "",
        "values": {"ack_p50_ms@steady": 3.0},
        "load": 0.5,
        "commit": "abc",
        "machine": {"cores": 2, "memory_mb": 8000, "system": "Linux", "python": "3.11"},
    }
    return RunRecord(seed=seed, arm=arm, subject=subject, **{**fields, **changes})


def triple(seed, **changes):
    return [record(seed, arm, **changes) for arm in records.order(seed)]


def test_both_pairs_of_a_triple_are_neighbours_and_each_version_is_first_in_half_of_them():
    for seed in (1, 2):
        arms = records.order(seed)
        assert abs(arms.index("first") - arms.index("second")) == 1
        assert abs(arms.index("second") - arms.index("slow")) == 1
    firsts = {records.order(seed)[0] for seed in (1, 2)}
    assert firsts == {"first", "slow"}


def test_only_complete_triples_of_the_same_load_count():
    found = [*triple(1, subject="b"), *triple(2), *triple(1), record(3, "first")]
    assert [each["slow"].seed for each in records.triples(found)] == [1, 2]
    assert [each["slow"].seed for each in records.triples(found, "b")] == [1]
    assert records.triples([]) == []


def test_the_slow_run_is_a_candidate_and_equal_runs_have_both_roles():
    found = records.triples(triple(1, values={}, unusable="the numbers are generator-limited"))
    (equal,), (slower,) = records.equal(found), records.slower(found)
    assert (equal.reference.version, equal.candidate.version) == ("reference", "candidate")
    assert slower.candidate.unusable == "the numbers are generator-limited"
    assert slower.reference == _as_reference(equal.candidate)


def _as_reference(run):
    from msgspec.structs import replace

    return replace(run, version="reference")


def test_records_survive_their_file(tmp_path):
    from gauntlet.campaigns import record_files

    file = Path(tmp_path / "gate.jsonl")
    for each in triple(1):
        record_files.append(file, each)
    assert records.read_runs(file) == triple(1)
    assert records.read_gates(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("seed", [1, 2, 59, 60])
def test_every_triple_has_all_arms(seed):
    assert sorted(records.order(seed)) == sorted(records.ARMS)
