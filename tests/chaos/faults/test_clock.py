"""clock-step and clock-skew, on a fake stack with real clock files."""

import dataclasses
import struct

import pytest

from gauntlet.chaos.clocks.clock_file import SIZE, ClockFile
from gauntlet.chaos.faults import _clock, clock_targets
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.clock_skew import ClockSkew
from gauntlet.chaos.faults.clock_step import ClockStep
from gauntlet.chaos.faults.targets import StackPlan

PLAN = StackPlan({"gateway-1": "gateway", "gateway-2": "gateway", "registry": "registry"}, [])


@pytest.fixture
def clocks(stack, tmp_path):
    """The clocks of both gateways."""
    return {name: ClockFile(tmp_path / name) for name in ("gateway-1", "gateway-2")}


@pytest.fixture
def context(stack, clocks, monkeypatch):
    """The context of a fault on the gateways; proofs do not wait."""
    monkeypatch.setattr(_clock, "PROVE_S", 0.0)
    monkeypatch.setattr(
        _clock, "verify_running", lambda _, names, **_also: dict.fromkeys(names, "up")
    )
    return dataclasses.replace(stack.context, clocks=clocks)


def fields(clock):
    """Offset and drift of a clock."""
    return struct.unpack("=5q", clock.path.read_bytes())[1:3]


def read(clock, count=1):
    """Count readings of a shifted time, as the library does."""
    with clock.path.open("r+b") as file:
        file.seek(SIZE - 8)
        file.write(struct.pack("=q", clock.readings() + count))


@pytest.mark.parametrize(
    ("params", "offset_s"),
    [({}, 3600), ({"step": "2s", "direction": "backward"}, -2)],
)
def test_a_step_shifts_the_clock_of_one_component_and_the_heal_sets_it(
    spec, context, clocks, params, offset_s
):
    fault = ClockStep(spec("clock-step", "gateway", **params))
    assert fault.inject(context) == {"components": ["gateway-1"], "offset_s": offset_s}
    assert fields(clocks["gateway-1"]) == (offset_s * 1_000_000_000, 0)
    assert fields(clocks["gateway-2"]) == (0, 0)
    read(clocks["gateway-1"], 3)
    assert fault.prove(context) == {"gateway-1": {"readings": 3}}
    for _ in range(2):
        assert fault.heal(context) == {"readings": {"gateway-1": 3}}
        assert fault.verify(context) == {"gateway-1": "up"}
        assert fields(clocks["gateway-1"]) == (0, 0)


@pytest.mark.parametrize(
    ("params", "drift_ppb"),
    [({}, 100_000_000), ({"per_second": "1ms", "direction": "slow"}, -1_000_000)],
)
def test_a_skew_lets_the_clocks_of_all_wanted_components_drift(
    spec, context, clocks, params, drift_ppb
):
    fault = ClockSkew(spec("clock-skew", "gateway", count=2, **params))
    detail = fault.inject(context)
    assert detail == {"components": ["gateway-1", "gateway-2"], "ms_per_s": drift_ppb / 1e6}
    assert [fields(each) for each in clocks.values()] == [(0, drift_ppb)] * 2
    read(clocks["gateway-1"])
    assert fault.prove(context) == {}  # one of them has not read it yet
    read(clocks["gateway-2"])
    assert fault.prove(context) == {name: {"readings": 1} for name in clocks}
    fault.heal(context)
    assert [fields(each) for each in clocks.values()] == [(0, 0)] * 2


def test_a_component_that_never_reads_the_shifted_clock_is_no_proof(spec, context, clocks):
    """What it had read before does not count. The run is then inconclusive."""
    read(clocks["gateway-1"], 5)
    fault = ClockStep(spec("clock-step", "gateway"))
    fault.inject(context)
    assert fault.prove(context) == {}
    assert fault.heal(context) == {
        "readings": {"gateway-1": 0},
        "unproven": {"gateway-1": {"readings": 0}},
    }


def test_without_clocks_nothing_is_done_and_the_reason_is_recorded(stack, spec):
    context = dataclasses.replace(stack.context, no_clocks="there is no C compiler")
    fault = ClockStep(spec("clock-step", "gateway"))
    assert fault.inject(context) == {"unproven": {"reason": "there is no C compiler"}}
    assert (fault.prove(context), fault.heal(context), fault.verify(context)) == ({}, {}, {})


def test_a_component_without_a_clock_is_an_error(spec, context):
    with pytest.raises(FaultFailed, match="no clock of their own: registry"):
        ClockStep(spec("clock-step", "registry")).inject(context)


def test_only_targets_of_faults_on_clocks_need_one(spec):
    faults = [spec("clock-step", "gateway"), spec("kill", "registry")]
    assert clock_targets.needed(faults, PLAN) == {"gateway-1", "gateway-2"}
    assert clock_targets.needed([spec("observed", "")], PLAN) == set()
