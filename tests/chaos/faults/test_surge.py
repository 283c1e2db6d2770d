"""surge: proven by the send rate that the load reports."""

import json
from dataclasses import replace

import pytest

from gauntlet.chaos.faults import surge
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.surge import Surge
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import RollbackError
from gauntlet.core.run_directory import RunDir
from gauntlet.runner.live_metrics import LiveMetrics


class LiveFile:
    """`live.jsonl` of two workers that write in turns, read as the runner reads it."""

    def __init__(self, folder, rates, phase):
        self.file = folder / "live.jsonl"
        self.file.write_text("")
        self.live = LiveMetrics(RunDir(folder))
        self.rows, sent = [], 1000
        for second, rate in enumerate([0, *rates]):
            sent += rate // 2
            metrics = {"sent": sent, "phase": phase}
            for worker, offset_ns in ((0, 0), (1, 10**7)):
                t_ns = second * NS_PER_S + offset_ns
                self.rows.append({"t_ns": t_ns, "worker": worker, **metrics})

    def __call__(self):
        """Write one more row, if there is any, and return the merged metrics."""
        if self.rows:
            with self.file.open("a") as file:
                file.write(json.dumps(self.rows.pop(0)) + "\n")
        self.live.read_new()
        return self.live.last


@pytest.fixture
def load(stack, monkeypatch, tmp_path):
    """Create a context whose live metrics have given send rates, merged from two workers."""
    monkeypatch.setattr(
        surge,
        "poll",
        lambda check, *_: next((result for _ in range(9) if (result := check())), None),
    )

    def play(*rates, phase="steady"):
        live = LiveFile(tmp_path, rates, phase)
        return replace(stack.context, usual_per_s=lambda *_: 100.0, live=live)

    return play


def test_a_surge_is_proven_by_the_rate_of_all_workers(spec, load):
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(100, 300, 300)
    assert fault.inject(context) == {"factor": 3}
    assert fault.prove(context) == {"usual_per_s": 100.0, "sent_per_s": 300.0}


def test_a_small_rise_of_the_rate_is_no_proof_of_a_surge(spec, load):
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(100, 150, 200)
    fault.inject(context)
    with pytest.raises(FaultFailed, match="did not send more"):
        fault.prove(context)


def test_a_surge_is_healed_when_the_rate_is_down_again(spec, load):
    """The schedule ends it."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(300, 300, 100)
    fault.inject(context)
    fault.prove(context)
    assert fault.heal(context) == {}
    assert fault.verify(context)["sent_per_s"] < 200


def test_a_surge_that_does_not_end_is_not_healed_unless_the_load_has_ended(spec, load):
    """After the arrivals, the load sends nothing and its rate says nothing."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(300, 300, 300)
    fault.inject(context)
    fault.prove(context)
    with pytest.raises(RollbackError):
        fault.verify(context)
    assert fault.verify(load(300, phase="quiesce"))


def test_heal_without_inject_does_nothing(stack, spec):
    """The live metrics are not read."""
    fault = Surge(spec("surge", "gateway"))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
