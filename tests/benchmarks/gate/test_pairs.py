"""Which triples are made, with a runner that a test decides about."""

import pytest

from benchmarks.gate import pairs, records
from gauntlet.campaigns.gate.outcome import Run


class Runner:
    """Runs that pass; it remembers them, and may be interrupted."""

    made = ()
    interrupt_at = None

    def __init__(self, out, labels):
        pass

    def run(self, subject, version, number):
        cls = type(self)
        if len(cls.made) == cls.interrupt_at:
            raise KeyboardInterrupt
        slow = subject.bug.endswith("slow_send.py")
        cls.made = (*cls.made, (number, subject.scenario.seed, version, slow))
        values = {"ack_p50_ms@steady": 1.0}
        return Run("gate", version, number, 0, "pass", (), "", "2026", 1.0, values=values)


@pytest.fixture
def runner(monkeypatch):
    class Own(Runner):
        pass

    monkeypatch.setattr(pairs, "Runner", Own)
    return Own


def test_missing_triples_are_made_in_turns(runner, tmp_path):
    file = tmp_path / "gate.jsonl"
    pairs.make(file, tmp_path, 1, [])
    pairs.make(file, tmp_path, 2, [])
    assert [(number, slow) for number, _, _, slow in runner.made] == [
        (1, False), (1, False), (1, True), (2, True), (2, False), (2, False),
    ]  # fmt: skip
    assert all(number == seed for number, seed, _, _ in runner.made)
    assert len(records.triples(records.read_runs(file))) == 2


def test_a_triple_that_was_interrupted_is_made_again_as_a_whole(runner, tmp_path):
    file = tmp_path / "gate.jsonl"
    runner.interrupt_at = 2
    with pytest.raises(KeyboardInterrupt):
        pairs.make(file, tmp_path, 1, [])
    assert records.read_runs(file) == []
    runner.interrupt_at = None
    pairs.make(file, tmp_path, 1, [])
    assert len(runner.made) == 5


def test_another_load_is_measured_on_its_own(runner, tmp_path):
    file = tmp_path / "gate.jsonl"
    pairs.make(file, tmp_path, 1, [])
    pairs.make(file, tmp_path, 1, ["load.steady=4s"])
    subjects = {record.subject for record in records.read_runs(file)}
    assert (len(runner.made), len(subjects)) == (6, 2)
