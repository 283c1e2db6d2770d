"""Loads and schedules of a size that no run could plan, store or send."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.rules import load_size

HEAD = "version: 1\nname: x\nabout: x\n"


def problems_of(load=(), faults=(), sla=()):
    plain = {"version": 1, "name": "x", "about": "x"}
    scenario = from_builtins(
        {**plain, "load": dict(load), "faults": list(faults), "sla": list(sla)}
    )
    return list(load_size.problems(scenario))


def surge(number, at_s, factor):
    return {
        "id": f"s{number}", "kind": "surge", "target": "gateway", "at": at_s, "for": "2s",
        "params": {"factor": factor},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("load", "faults", "path"),
    [
        ({"rate": "300/s"}, [surge(1, 10, 33_000)], None),
        ({"rate": "300/s"}, [surge(1, 10, 34_000)], ("faults", 0, "params", "factor")),
        ({"rate": "300/s"}, [surge(1, 6, 5_000), surge(2, 12, 5_000)], None),
        (
            {"rate": "300/s"},
            [surge(1, 6, 5_000), surge(2, 12, 5_000), surge(3, 13, 10)],
            ("faults", 1, "params", "factor"),
        ),
    ],
)
def test_surges_multiply_the_rate_to_at_most_what_a_rate_may_be(load, faults, path):
    """A factor of a thousand million was accepted, and the arrivals of its window never ended."""
    assert [found[0] for found in problems_of(load, faults)] == ([] if path is None else [path])


def test_a_mean_rate_that_scales_a_spike_beyond_the_highest_rate_is_refused():
    spike = {"kind": "spike", "base": "1/s", "peak": "1000/s", "at": "9s", "for": "1s"}
    assert problems_of({"rate": "1000/s", "profile": spike}) == []
    ((path, found, _),) = problems_of({"rate": "9000000/s", "profile": spike})
    assert (path, found) == (("load", "profile"), "a peak of 2.62e+08/s")


def test_a_short_period_over_a_long_time_is_refused_before_its_lines_are_counted():
    """A second in 30 days is a hundred million lines."""
    load = "{steady: 720h, profile: {kind: diurnal, low: 1/s, high: 2/s, period: 1s}}"
    with pytest.raises(ConfigError) as caught:
        loader.parse(f"{HEAD}load: {load}\n", "x.yaml")
    message = "x.yaml:4: load.profile.period must be 43 min 12 s or more; got 1 s"
    assert str(caught.value) == message
    loader.parse(f"{HEAD}load: {load.replace('1s', '24h')}\n", "x.yaml")


@pytest.mark.parametrize(
    ("name", "share", "key"),
    [
        ("group", {"exits": "10/s"}, "exits"),
        ("group", {"exits": "1/m", "offline": "60s"}, None),
        ("member_changes", {"removals": "10/s"}, "removals"),
        ("member_changes", {}, "removals"),
        ("member_changes", {"removals": "1/m"}, None),
        ("offline_catchup", {"at": ["1s"] * 900}, "at"),
        ("offline_catchup", {"at": ["1s", "2s"]}, None),
    ],
)
def test_changes_that_would_fill_the_memory_when_they_are_planned_are_refused(name, share, key):
    load = {"users": 20_000, "steady": "4h", "workload": {name: share}}
    found = [path for path, _, _ in problems_of(load)]
    assert found == ([] if key is None else [("load", "workload", name, key)])


@pytest.mark.parametrize(
    ("after", "surges", "fine"),
    [
        ("3000 acks", [], True),
        ("3400 acks", [], False),
        ("3400 acks", [surge(1, 10, 2)], True),
        ("999999999999 acks", [surge(1, 10, 2)], False),
        ("999999999999 deliveries", [], True),
    ],
)
def test_a_fault_that_waits_for_more_acks_than_there_are_messages_is_refused(after, surges, fine):
    """It would be missed at the end of the load, which is a failure of the harness."""
    kill = {"id": "k", "kind": "kill", "target": "edge", "at": {"after": after}, "for": "1s"}
    found = problems_of({"rate": "100/s"}, [*surges, kill])
    assert [path for path, _, _ in found] == ([] if fine else [("faults", len(surges), "at")])


@pytest.mark.parametrize("load", [{"steady": "0s"}, {"model": "closed"}, {"rate": "5/s"}])
def test_a_load_whose_rates_are_impossible_or_unknown_is_not_measured(load):
    """What is wrong with it is reported elsewhere."""
    silent = {"kind": "step", "steps": [{"at": "1s", "rate": "0/s"}]}
    kill = {"id": "k", "kind": "kill", "target": "edge", "at": {"after": "99999 acks"}}
    assert problems_of({"profile": silent, **load}, [kill]) == []


def repeated(number, times=100):
    return {
        "id": f"f{number}", "kind": "latency", "target": "client>edge", "at": 1, "for": "10ms",
        "repeat": {"times": times, "every": "20ms"},
    }  # fmt: skip


def test_repetitions_count_as_faults():
    """A list of nine hundred faults was ninety thousand with a line more for each."""
    assert problems_of(faults=[repeated(n) for n in range(5)]) == []
    ((path, found, allowed),) = problems_of(faults=[repeated(n) for n in range(900)])
    assert (path, found) == (("faults", 5), "600 up to f5")
    assert allowed == "at most 500 faults, repetitions included"


def test_objectives_on_repeated_faults_count_once_for_each_repetition():
    objective = {"indicator": "ack_p99_ms", "op": "<", "value": 1, "window": "fault:f0"}
    sla = [{"id": f"o{n}", **objective} for n in range(50)]
    assert problems_of(faults=[repeated(0, 10)], sla=sla) == []
    ((path, found, _),) = problems_of(faults=[repeated(0, 11)], sla=sla)
    assert (path, found) == (("sla", 45), "506 up to o45")


def test_as_many_faults_and_objectives_as_are_allowed_can_be_written_and_read_again():
    """Storms, gates and capacity write the scenarios that they run."""
    fault = "{{id: f{0}, kind: clock-step, target: edge, at: {0}s, for: 1s, params: {1}}}"
    params = "{step: 1h, direction: backward, count: 1, pick: random}"
    objective = "{{id: o{0}, indicator: ack_p99_ms, op: <, value: 1, window: 'fault:f{0}'}}"
    numbers = range(load_size.FAULTS_MAX)
    faults = ", ".join(fault.format(n, params) for n in numbers)
    sla = ", ".join(objective.format(n) for n in range(load_size.FAULTS_MAX // 2))
    text = f"{HEAD}load: {{steady: 2h}}\nfaults: [{faults}]\nsla: [{sla}]\n"
    scenario = loader.parse(text, "x.yaml")
    assert loader.parse(loader.to_yaml(scenario), "again.yaml") == scenario
