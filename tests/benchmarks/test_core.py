"""The benchmark of the engine's core presents every message."""

import gc

import pytest

from benchmarks import core
from gauntlet.scenarios.workloads import WORKLOADS


@pytest.fixture
def load(tmp_path):
    """A load of 60 messages; afterwards the garbage collector and the workloads are as before."""
    thresholds, workloads = gc.get_threshold(), dict(WORKLOADS)
    load = core.Load(tmp_path, connections=3, messages=60)
    yield load
    load.history.close()
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    WORKLOADS.clear()
    WORKLOADS.update(workloads)


def test_every_message_of_the_core_is_presented(load):
    assert load.run() > 0
    assert load.ledger.acked == load.ledger.presented == 60


def test_a_message_that_is_not_presented_fails_the_benchmark(load, monkeypatch):
    monkeypatch.setattr(core.ListTransport, "echo", lambda transport: transport.sent.clear())
    with pytest.raises(RuntimeError):
        load.run()
