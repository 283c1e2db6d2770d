"""surge: proven by what the load says that it sends."""

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


class Figures:
    """`live.jsonl` of two workers that write by turns, read as the conductor reads it."""

    def __init__(self, folder, rates, phase):
        self.file = folder / "live.jsonl"
        self.file.write_text("")
        self.live = LiveMetrics(RunDir(folder))
        self.rows, sent = [], 1000
        for second, rate in enumerate([0, *rates]):
            sent += rate // 2
            figures = {"sent": sent, "phase": phase}
            for worker, beat_ns in ((0, 0), (1, 10**7)):
                t_ns = second * NS_PER_S + beat_ns
                self.rows.append({"t_ns": t_ns, "worker": worker, **figures})

    def __call__(self):
        """One row more a look, until there are no more."""
        if self.rows:
            with self.file.open("a") as file:
                file.write(json.dumps(self.rows.pop(0)) + "\n")
        self.live.read_new()
        return self.live.last


@pytest.fixture
def load(world, monkeypatch, tmp_path):
    """A context whose live figures are given rates, of two workers' merged rows."""
    monkeypatch.setattr(
        surge, "poll", lambda check, *_: next((it for _ in range(9) if (it := check())), None)
    )

    def play(*rates, phase="steady"):
        live = Figures(tmp_path, rates, phase)
        return replace(world.context, usual_per_s=lambda *_: 100.0, live=live)

    return play


def test_a_surge_is_proven_by_the_rate_of_all_workers(spec, load):
    """The sum of both reaches the surge's height."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(100, 300, 300)
    assert fault.inject(context) == {"factor": 3}
    assert fault.prove(context) == {"usual_per_s": 100.0, "sent_per_s": 300.0}


def test_a_load_that_goes_on_as_usual_is_no_surge(spec, load):
    """Nor is one that rises by a little."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(100, 150, 200)
    fault.inject(context)
    with pytest.raises(FaultFailed, match="did not send more"):
        fault.prove(context)


def test_a_surge_is_over_when_the_rate_is_down(spec, load):
    """It heals itself."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(300, 300, 100)
    fault.inject(context)
    fault.prove(context)
    assert fault.heal(context) == {}
    assert fault.verify(context)["sent_per_s"] < 200


def test_a_surge_that_does_not_end_is_not_healed(spec, load):
    """Unless the load is over as a whole."""
    fault = Surge(spec("surge", "gateway", factor=3))
    context = load(300, 300, 300)
    fault.inject(context)
    fault.prove(context)
    with pytest.raises(RollbackError):
        fault.verify(context)
    assert fault.verify(load(300, phase="quiesce"))


def test_what_was_not_injected_is_healed(world, spec):
    """Without a look at the load."""
    fault = Surge(spec("surge", "gateway"))
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})
