"""Errors in scenario files: file, line, key, what was found, what is allowed."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader

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
    ("direct: 3", "direct: x", 5, "load.workload.direct: found 'x'; allowed: a number or a"),
    ("size: 10", "sise: 10", 5, "load.workload.group.sise: found 'sise'; allowed: weight, size,"),
    ("size: 10", "size: ten", 5, "load.workload.group.size: found 'ten'; allowed: a whole number"),
    ("size: 10", "size: 900", 5, "load.workload.group: found size 900; allowed: a size of 2 to"),
    ("size: 10", "sizes: zipf", 5, "load.workload.group.sizes: found 'zipf'; allowed: fixed, "),
    ("size: 10", "sizes: [[3, x]]", 5, "load.workload.group.sizes[0][1]: found 'x'; allowed: a n"),
    ("size: 10", "sizes: []", 5, "load.workload.group.sizes: found nothing; allowed: fixed"),
    ("size: 10", "sizes: [[1, 2]]", 5, "load.workload.group.sizes[0]: found size 1; allowed: a"),
    ("size: 10", "sizes: [[3, 0]]", 5, "load.workload.group.sizes[0]: found weight 0; allowed"),
    ("users: 200", "users: 200, devices: 9", 5, "load.devices: found 9; allowed: 1 to 8"),
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


def test_a_surge_is_of_arrivals():
    """A closed load has none that could be multiplied; other faults it may have."""
    closed = GOOD.replace("users: 200", "users: 200, model: closed")
    loader.parse(closed, "x.yaml")
    surge = closed.replace("kind: kill, target: broker", "kind: surge, target: gateway")
    with pytest.raises(ConfigError, match="surge of a load without arrivals"):
        loader.parse(surge, "x.yaml")


def test_the_good_file_is_good():
    """The cases below fail for the one thing that each changes."""
    assert loader.parse(GOOD, "x.yaml").name == "broker-failure"


@pytest.mark.parametrize(("old", "new", "line", "message"), BAD)
def test_an_error_names_line_key_found_and_allowed(old, new, line, message):
    """Whoever reads the error can mend the file without opening the documentation."""
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        loader.parse(GOOD.replace(old, new), "x.yaml")
    assert str(caught.value).startswith(f"x.yaml:{line}: {message}")


@pytest.mark.parametrize("text", ["", "- 1", "just text", "a: [", "a: &x *x"])
def test_what_is_no_mapping_is_refused_with_its_name(text):
    """Even a file that is no YAML at all gets a sentence, not a stack trace."""
    with pytest.raises(ConfigError, match=r"^x\.yaml"):
        loader.parse(text, "x.yaml")


def test_a_missing_file_is_named(tmp_path):
    """A path that does not exist is bad usage."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        loader.load(tmp_path / "nowhere.yaml")


PLAIN = """\
version: 1
name: shaped
about: x
load:
  users: 4
  steady: 10s
  LINE
"""
BAD_PROFILES = [
    ("arrivals: bursty", "load.arrivals: found 'bursty'; allowed: constant, poisson"),
    (
        "profile: {kind: sine}",
        "load.profile.kind: found 'sine'; allowed: constant, ramp, step, spike, diurnal, recorded",
    ),
    ("profile: {from: 1/s}", "load.profile: found no `kind`; allowed: `kind` is required"),
    (
        "profile: {kind: ramp, from: 1/s, too: 2/s}",
        "load.profile.too: found 'too'; allowed: kind, from, to, at, for",
    ),
    ("profile: {kind: ramp, from: 1, to: -1}", "load.profile.to: found -1; allowed: -1 is not a"),
    (
        "profile: {kind: ramp, from: 0/s, to: 0/s}",
        "load.profile: found 0 sends; allowed: a profile",
    ),
    ("profile: {kind: ramp, from: 0, to: 9, at: 20s}", "load.profile.at: found 20 s; allowed: bef"),
    ("profile: {kind: step, steps: []}", "load.profile.steps: found no step; allowed: one or more"),
    (
        "profile: {kind: step, steps: [{at: 9s, rate: 1/s}, {at: 9s, rate: 2/s}]}",
        "load.profile.steps[1].at: found 9 s; allowed: later than 9 s",
    ),
    (
        "profile: {kind: step, steps: [{at: 9s, rat: 1/s}]}",
        "load.profile.steps[0].rat: found 'rat'; allowed: at, rate",
    ),
    (
        "profile: {kind: spike, base: 1/s, peak: 9/s, at: 15s, for: 3s}",
        "load.profile.at: found 15 s; allowed: before the end, 15 s",
    ),
    (
        "profile: {kind: diurnal, low: 1/s, high: 9/s, period: 1ms}",
        "load.profile.period: found 1 ms; allowed: 1 s or more",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD_PROFILES)
def test_a_profile_that_cannot_be_is_told_with_what_can(line, message):
    """Each kind has its own keys, and an error names those of the kind that was meant."""
    with pytest.raises(ConfigError) as caught:
        loader.parse(PLAIN.replace("LINE", line), "x.yaml")
    assert str(caught.value).startswith(f"x.yaml:7: {message}")


@pytest.fixture
def recorded(tmp_path):
    """Loads a scenario that is recorded in a trace of this text, beside the file."""

    def load(text, steady="10s"):
        (tmp_path / "traces").mkdir()
        (tmp_path / "traces" / "t.csv").write_text(text)
        line = "profile: {kind: recorded, file: traces/t.csv}"
        file = tmp_path / "x.yaml"
        file.write_text(PLAIN.replace("LINE", line).replace("10s", steady))
        return loader.load(file)

    return load


def test_a_trace_is_found_beside_its_scenario(recorded, tmp_path):
    """And named by its absolute path from then on, wherever the scenario goes."""
    profile = recorded("offset_s\n1\n").load.profile
    assert profile.file == str(tmp_path.resolve() / "traces" / "t.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("offset_s\n1\nsoon\n", "found traces/t.csv; allowed: a trace; "),
        ("offset_s\n11\n", "found traces/t.csv, without a send in 10 s; allowed: a trace that"),
    ],
)
def test_a_bad_trace_is_told_where_it_is_named(recorded, tmp_path, text, message):
    """The scenario's file, line and key come first, then the trace's own row."""
    with pytest.raises(ConfigError) as caught:
        recorded(text)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'x.yaml'}:7: load.profile.file: {message}")
    if "soon" in text:
        assert "t.csv:3: found 'soon'; allowed: an offset in seconds" in told
