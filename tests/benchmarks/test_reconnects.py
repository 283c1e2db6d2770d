"""The comparison of simulated reconnect storms with real ones."""

import msgspec
import pytest

from benchmarks import reconnects
from benchmarks.reconnects import Record, Times
from gauntlet.campaigns import record_files
from gauntlet.core.scenario.model import from_builtins

TIMES = Times(half=3.5, most=4.0, nearly_all=5.0)


def record(real, simulated=TIMES):
    return Record(
        seed=1, lost=100, up_s=3.0, handshake_s=0.01, real=real, simulated=simulated, commit=None
    )


def test_the_medians_are_compared():
    slow = msgspec.structs.replace(TIMES, nearly_all=5.5)
    never = msgspec.structs.replace(TIMES, nearly_all=None)
    records = [record(TIMES), record(slow), record(never)]
    assert reconnects.difference(records, "nearly_all") == pytest.approx(0.25)
    assert reconnects.difference(records, "half") == 0


def test_a_small_storm_is_simulated_several_times():
    found = reconnects.simulated(100, 3.0, 0.02)
    assert found == reconnects.simulated(100, 3.0, 0.02)
    assert 3 < found.half < found.most < found.nearly_all < 5.1


def test_the_runs_are_valid_scenarios_that_kill_both_edges():
    (fault,) = from_builtins(reconnects.scenario(1, 200)).faults
    assert (fault.kind, fault.target, fault.params) == ("kill", "edge", {"count": 2})


def test_the_committed_records_are_within_a_quarter_of_the_simulation():
    records = list(record_files.read(reconnects.RECORDS, Record))
    assert len(records) >= 5
    assert abs(reconnects.difference(records, "nearly_all")) <= reconnects.DIFFERENCE_MAX
    again = reconnects.simulated(records[0].lost, records[0].up_s, records[0].handshake_s)
    assert again == records[0].simulated
