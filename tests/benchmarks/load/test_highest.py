"""The highest rate of round trips, of a generator that is late above its capacity."""

import contextlib

import pytest

from benchmarks.load import highest, trial
from benchmarks.load.highest import EchoTrial
from benchmarks.load.options import Options
from benchmarks.load.trial import CpuCost, EngineTrial


def test_a_rate_with_missing_echoes_or_late_sends_is_not_held():
    assert EchoTrial(1, 0, 10.0).held
    assert not EchoTrial(1, 1, 1.0).held
    assert not EchoTrial(1, 0, 10.1).held


@pytest.mark.parametrize(("capacity", "reached"), [(45_000, False), (52_000, True)])
def test_the_row_is_the_highest_rate_at_which_sends_leave_on_time(monkeypatch, capacity, reached):
    def measure_engine(echo, connections, rate, seconds, run_mode):
        return EngineTrial(CpuCost(15.0, rate, 7.0), 0, 2.0 if rate <= capacity else 300.0)

    monkeypatch.setattr(highest, "run_echo_server", contextlib.nullcontext)
    monkeypatch.setattr(trial, "measure_engine", measure_engine)
    (row,) = highest.rows(Options())
    assert row.met is reached
    assert float(row.measured.partition("/s")[0]) <= capacity
    assert row.measured.endswith("0 lost, lag p99 2.0 ms")
    assert row.ratio.endswith("0 lost, lag p99 300.0 ms")
