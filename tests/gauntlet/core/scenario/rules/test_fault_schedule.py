"""The effective schedule of faults: repetitions, random times, references, and what is refused."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.moments import AfterEvent, FixedTime
from gauntlet.core.scenario.rules.fault_schedule import resolve
from gauntlet.core.scenario.validation import problems


def scenario(*faults, seed=1, sla=()):
    """A scenario of 30 s with these faults; each has the id `f`, if not stated."""
    kill = {"id": "f", "kind": "kill", "target": "edge", "for": "1s"}
    return from_builtins(
        {
            "version": 1, "name": "x", "about": "x", "seed": seed, "sla": list(sla),
            "load": {"ramp": "5s", "steady": "25s"}, "faults": [kill | fault for fault in faults],
        }
    )  # fmt: skip


def times(resolved):
    """The moments of the faults by their ids."""
    return {fault.id: fault.at for fault in resolved.faults}


def test_a_repeated_fault_becomes_one_fault_for_each_occurrence():
    resolved = resolve(scenario({"at": "4s", "repeat": {"every": "2.5s", "times": 3}}))
    assert times(resolved) == {"f-1": 4.0, "f-2": 6.5, "f-3": 9.0}
    assert all(fault.repeat is None and fault.for_ == 1 for fault in resolved.faults)


def test_repetitions_of_a_fault_after_an_event_follow_its_first_occurrence():
    at = {"after": "50 acks"}
    resolved = resolve(scenario({"at": at, "repeat": {"every": "3s", "times": 3}}))
    assert times(resolved) == {
        "f-1": AfterEvent("50 acks", by_s=29.0),
        "f-2": AfterEvent("f-1 effective", plus_s=3.0, by_s=29.0),
        "f-3": AfterEvent("f-1 effective", plus_s=6.0, by_s=29.0),
    }


def test_a_fault_after_a_repeated_one_follows_its_first_begin_or_its_last_end():
    repeated = {"at": "4s", "repeat": {"every": "2s", "times": 3}}
    resolved = resolve(
        scenario(
            repeated,
            {"id": "a", "at": {"after": "f effective", "by": "9s"}},
            {"id": "b", "at": {"after": "f healed", "plus": "1s"}},
        )
    )
    assert times(resolved)["a"] == AfterEvent("f-1 effective", by_s=9.0)
    assert times(resolved)["b"] == AfterEvent("f-3 healed", plus_s=1.0, by_s=29.0)


def test_the_seed_decides_random_times_and_other_faults_do_not():
    random = {"at": {"between": ["3s", "20s"]}}
    alone = times(resolve(scenario(random)))["f"]
    assert isinstance(alone, FixedTime)
    assert 3 <= alone <= 20
    assert times(resolve(scenario({"id": "other", "at": "2s"}, random)))["f"] == alone
    drawn = {times(resolve(scenario(random, seed=seed)))["f"] for seed in range(20)}
    assert len(drawn) == 20
    assert min(drawn) < 8
    assert max(drawn) > 15


def test_the_objectives_of_a_repeated_fault_apply_to_each_occurrence():
    repeated = {"at": "4s", "repeat": {"every": "2s", "times": 2}}
    objective = {"indicator": "ack_p99_ms", "op": "<", "value": 500}
    resolved = resolve(
        scenario(
            repeated,
            {"id": "f-other", "at": "12s"},
            sla=[
                {"id": "a", "window": "recovery:f", **objective},
                {"id": "b", "window": "fault:f-other", **objective},
                {"id": "c", **objective},
            ],
        )
    )
    assert [(each.id, each.window) for each in resolved.sla] == [
        ("a-1", "recovery:f-1"),
        ("a-2", "recovery:f-2"),
        ("b", "fault:f-other"),
        ("c", "steady"),
    ]
    assert all(each.window in resolved.windows() for each in resolved.sla)


def test_a_resolved_schedule_stays_as_it_is():
    first = resolve(
        scenario(
            {"at": {"between": [3, 9]}, "repeat": {"every": 4, "times": 2}},
            {"id": "g", "at": {"after": "f healed"}},
        )
    )
    assert resolve(first) == first


def test_ids_are_unique_after_repetitions_are_resolved_too():
    repeated = {"id": "f", "at": "4s", "repeat": {"every": "2s", "times": 2}}
    objective = {"indicator": "ack_p99_ms", "op": "<", "value": 500}
    sla = [{"id": "a-2", **objective}, {"id": "a", "window": "fault:f", **objective}]
    found = [
        problem.sentence
        for problem in problems(scenario(repeated, {"id": "f-2", "at": "12s"}, sla=sla))
    ]
    assert found == ["faults[1].id must be unique; got f-2", "sla[1].id must be unique; got a-2"]


KILL = "kind: kill, target: edge, for: 1s"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (f"{{id: f, {KILL}, at: 8s, repeat: {{every: 5s, times: 6}}}}", "at must be early enough"),
        (f"{{id: f, {KILL}, at: {{between: [3s, 30s]}}}}", "at must be early enough"),
        (f"{{id: f, {KILL}, at: {{after: 5 acks, by: 30s}}}}", "at must be early enough"),
        (f"{{id: f, {KILL}, at: 3s, repeat: {{every: 5s, times: 1}}}}", "repeat.times must be be"),
        (f"{{id: f, {KILL}, at: 3s, repeat: {{every: 1s, times: 3}}}}", "repeat.every must be lo"),
        (f"{{id: f, {KILL}, at: {{after: h healed}}}}", "at must be after one of the faults: f, g"),
        (f"{{id: f, {KILL}, at: {{after: f healed}}}}", "at must be after a fault that does not w"),
        (f"{{id: f, {KILL}, at: {{after: g healed}}}}", "at must be after a fault that does not w"),
        (f"{{id: f, {KILL}, at: {{after: 5 acks, plus: 4s, by: 3s}}}}", "at.by must be at least p"),
        (
            f"{{id: f, {KILL}, at: {{after: 5 requests}}}}",
            "at must be after a number of sends",
        ),
        (
            "{id: f, kind: surge, target: gateway, for: 1s, at: {after: 5 acks}}",
            "at must be a time, because the rate of the load is planned before it starts",
        ),
    ],
)
def test_impossible_times_are_refused_with_line_and_key(fault, sentence):
    other = f"{{id: g, {KILL}, at: {{after: f effective}}}}"
    head = "version: 1\nname: x\nabout: x\nload: {ramp: 5s, steady: 25s}\nfaults:\n"
    with pytest.raises(ConfigError) as caught:
        loader.parse(f"{head}  - {fault}\n  - {other}\n", "a.yaml")
    assert f"a.yaml:6: faults[0].{sentence}" in str(caught.value)
