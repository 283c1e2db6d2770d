"""Errors in scenario files: file, line, key, what was found, what is allowed."""

import pytest

from gauntlet.kernel import scenario_file
from gauntlet.kernel.errors import ConfigError

GOOD = """\
version: 1
name: broker-failure
about: The broker dies under load and comes back.
seed: 7
load: {users: 200, workload: {direct: 3, group: {weight: 1, size: 10}}, rate: 300/s, steady: 40s}
faults:
  - {id: broker-down, kind: kill, target: broker, at: 15s, for: 8s}
  - id: cut
    kind: disconnect
    target: client>edge
    at: 2s
    params: {percent: 30}
sla:
  - {id: p99, indicator: delivery_p99_ms, op: "<", value: 500, window: "fault:cut"}
"""

BAD = [
    ("users: 200", "users: many", 5, "load.users: found 'many'; allowed: a whole number"),
    ("steady: 40s", "steady: 40x", 5, "load.steady: found '40x'; allowed: '40x' is not a dura"),
    ("steady: 40s", "stedy: 40s", 5, "load.stedy: found 'stedy'; allowed: users, workload, "),
    ("rate: 300/s", "rate: fast", 5, "load.rate: found 'fast'; allowed: 'fast' is not a rate"),
    ("direct: 3", "dirct: 3", 5, "load.workload.dirct: found dirct; allowed: direct, group"),
    ("direct: 3", "direct: x", 5, "load.workload: found {'direct': 'x'"),
    ("size: 10", "size: 900", 5, "load.workload.group: found size 900; allowed: a size of 2 to"),
    ("kind: kill", "kind: boom", 7, "faults[0].kind: found boom; allowed: disconnect, latency"),
    ("target: broker,", "target: brokr,", 7, "faults[0].target: found brokr; allowed: gateway"),
    ("at: 2s", "at: 99s", 11, "faults[1].at: found an end at 1 min 39 s; allowed: an end"),
    ("id: cut", "id: broker-down", 8, "faults[1].id: found broker-down; allowed: an id that no"),
    ("percent: 30", "percent: 300", 12, "faults[1].params.percent: found 300; allowed: above 0"),
    ("percent: 30", "procent: 30", 12, "faults[1].params.procent: found procent; allowed: perc"),
    ("value: 500", "value: x", 14, "sla[0].value: found 'x'; allowed: a number"),
    ("fault:cut", "fault:cat", 14, "sla[0].window: found fault:cat; allowed: steady, run, "),
    ("delivery_p99_ms", "p99", 14, "sla[0].indicator: found p99; allowed: ack_p50_ms"),
    ("id: p99, ", "", 14, "sla[0]: found no `id`; allowed: `id` is required"),
    ("version: 1", "version: 2", 1, "version: found 2; allowed:"),
    ("name: broker-failure", "name: Broker", 2, "name: found Broker; allowed: lower-case"),
]


def test_the_good_file_is_good():
    """The cases below fail for the one thing that each changes."""
    assert scenario_file.parse(GOOD, "x.yaml").name == "broker-failure"


@pytest.mark.parametrize(("old", "new", "line", "message"), BAD)
def test_an_error_names_line_key_found_and_allowed(old, new, line, message):
    """Whoever reads the error can mend the file without opening the documentation."""
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        scenario_file.parse(GOOD.replace(old, new), "x.yaml")
    assert str(caught.value).startswith(f"x.yaml:{line}: {message}")


@pytest.mark.parametrize("text", ["", "- 1", "just text", "a: [", "a: &x *x"])
def test_what_is_no_mapping_is_refused_with_its_name(text):
    """Even a file that is no YAML at all gets a sentence, not a stack trace."""
    with pytest.raises(ConfigError, match=r"^x\.yaml"):
        scenario_file.parse(text, "x.yaml")


def test_a_missing_file_is_named(tmp_path):
    """A path that does not exist is bad usage."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        scenario_file.load(tmp_path / "nowhere.yaml")
