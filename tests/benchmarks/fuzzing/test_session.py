"""A session tries inputs until a time without a defect has passed, and continues where it ended."""

from random import Random

import pytest

from benchmarks.fuzzing.session import Session
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.campaigns import fuzz_records
from gauntlet.core.run_directory import parse_row


class Numbers(Target):
    """Notes the first random number of each input, and fails for the inputs `bad`."""

    def __init__(self, *bad):
        self.bad, self.tried = bad, []

    def try_input(self, rng: Random) -> None:
        self.tried.append(rng.random())
        if len(self.tried) - 1 in self.bad:
            parse_row("{", "place")  # raises in a file of the project


@pytest.fixture
def file(tmp_path):
    return tmp_path / "fuzz.jsonl"


@pytest.fixture
def quick(monkeypatch):
    """Parts that end after their first input."""
    monkeypatch.setattr("benchmarks.fuzzing.session.PART_S", 0.0)


def session(target, file, seed=1):
    return Session("frames", target, seed, file, "abc")


def test_an_input_depends_on_its_seed_and_its_number_only(file):
    first, second = Numbers(), Numbers()
    for number in range(3):
        session(first, file).try_input(number)
    for number in (2, 1):
        session(second, file).try_input(number)
    assert second.tried == first.tried[:0:-1]
    session(second, file, seed=2).try_input(1)
    assert second.tried[2] != first.tried[1]


def test_a_session_ends_at_a_defect_and_continues_after_it(file, quick):
    target, said = Numbers(1), []
    assert not session(target, file).run(1, said.append)
    records = fuzz_records.read(file)
    assert [each.first for each in records] == [0, 1]
    assert [len(each.defects) for each in records] == [0, 1]
    (defect,) = records[1].defects
    assert defect.error == "HistoryError in gauntlet/core/run_directory.py:parse_row"
    assert (defect.input, defect.times) == (1, 1)
    assert any("input 1, once: HistoryError" in line for line in said)
    assert fuzz_records.next_input(records, "frames", 1) == 2


def test_the_time_of_earlier_sessions_counts_since_the_last_defect(file):
    target = Numbers()
    assert session(target, file).run(0.05 / 60, print)
    tried = len(target.tried)
    assert tried > 0
    assert session(target, file).run(0.05 / 60, print)
    assert len(target.tried) == tried
    assert session(target, file).run(0.1 / 60, print)
    assert len(target.tried) > tried


def test_a_defect_that_shows_again_is_counted(file):
    target = Numbers(0, 2, 3)
    found = session(target, file)
    assert [found.defect_of(number) is not None for number in range(4)] == [True, False, True, True]
    target.tried.clear()
    assert not found.run(0.02 / 60, print)
    ((defect,),) = [each.defects for each in fuzz_records.read(file)]
    assert (defect.input, defect.times) == (0, 3)


def test_an_input_that_needs_too_much_cpu_time_is_a_defect(file):
    class Slow(Target):
        cpu_max_s = 0.0

        def try_input(self, rng: Random) -> None:
            sum(range(10_000))

    with pytest.raises(Wrong, match="more than 0 s of CPU time"):
        session(Slow(), file).try_input(0)
