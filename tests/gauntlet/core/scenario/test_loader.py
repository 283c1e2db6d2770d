"""Loading scenario files, and the errors in them."""

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
    ("users: 200", "users: many", 5, "load.users must be a whole number; got 'many'"),
    ("users: 200", '"us\\ners": 200', 5, "load.us\ufffders is not a known key; allowed: users, "),
    (
        "steady: 40s",
        "steady: 40x",
        5,
        "load.steady must be a duration such as 15s, 300ms or 1m30s; got '40x'",
    ),
    (
        "steady: 40s",
        "stedy: 40s",
        5,
        "load.stedy is not a known key; allowed: users, workload, rate, profile, arriva",
    ),
    ("rate: 300/s", "rate: 99999999/s", 5, "load.rate must be at most 10000000/s; got"),
    ("steady: 40s", "steady: 99999h", 5, "load.steady must be at most 720h; got '99999h'"),
    (
        "at: 15s, for: 8s",
        "at: 15s, for: 8s, repeat: {every: 9s, times: 2000000000}",
        7,
        "faults[0].at must be early enough to end (at + for) within the 45 s of load; got",
    ),
    ("rate: 300/s", "rate: fast", 5, "load.rate must be a rate such as 300/s or 90/m; got 'fast'"),
    (
        "direct: 3",
        "dirct: 3",
        5,
        "load.workload.dirct must be one of: direct, group, member_changes, offline_",
    ),
    ("direct: 3", "direct: x", 5, "load.workload.direct must be a number or a mapping; got 'x'"),
    (
        "size: 10",
        "sise: 10",
        5,
        "load.workload.group.sise is not a known key; allowed: weight, size, at, offlin",
    ),
    ("size: 10", "size: ten", 5, "load.workload.group.size must be a whole number; got 'ten'"),
    (
        "size: 10",
        "size: 900",
        5,
        "load.workload.group.size must be between 2 and 200 (load.users); got 900",
    ),
    (
        "size: 10",
        "sizes: zipf",
        5,
        "load.workload.group.sizes must be one of: fixed, lognormal, or a list; got 'zi",
    ),
    ("size: 10", "sizes: [[3, x]]", 5, "load.workload.group.sizes[0][1] must be a number; got 'x'"),
    (
        "size: 10",
        "sizes: [[3, 60, 1]]",
        5,
        "load.workload.group.sizes[0] must be a list of 2 values; got [3, 60, 1]",
    ),
    (
        "size: 10",
        "sizes: []",
        5,
        "load.workload.group.sizes must be fixed, lognormal, or a list of [size, weight",
    ),
    (
        "size: 10",
        "sizes: [[1, 2]]",
        5,
        "load.workload.group.sizes[0] must be [size, weight] with a size between 2 and ",
    ),
    (
        "size: 10",
        "sizes: [[3, 0]]",
        5,
        "load.workload.group.sizes[0] must be [size, weight] with a weight above zero; ",
    ),
    ("users: 200", "users: 200, devices: 9", 5, "load.devices must be between 1 and 8; got 9"),
    (
        "kind: kill",
        "kind: boom",
        7,
        "faults[0].kind must be one of: disconnect, reset, latency, bandwidth, slicer, stall",
    ),
    (
        "target: broker,",
        "target: brokr,",
        7,
        "faults[0].target must be one of: gateway, message, room, social, sessions, fri",
    ),
    (
        "at: 2s",
        "at: 99s",
        11,
        "faults[1].at must be early enough to end (at + for) within the 45 s of load; g",
    ),
    ("id: cut", "id: broker-down", 8, "faults[1].id must be unique; got broker-down"),
    (
        "percent: 30",
        "percent: 300",
        12,
        "faults[1].params.percent must be above 0 and at most 100; got 300",
    ),
    (
        "percent: 30",
        "procent: 30",
        12,
        "faults[1].params.procent must be a parameter of disconnect (one of: percent); ",
    ),
    ("value: 500", "value: x", 14, "sla[0].value must be a number; got 'x'"),
    (
        "fault:cut",
        "fault:cat",
        14,
        "sla[0].window must be one of: steady, run, fault:broker-down, recovery:broker-",
    ),
    (
        "delivery_p99_ms",
        "p99",
        14,
        "sla[0].indicator must be one of: ack_p50_ms, ack_p90_ms, ack_p95_ms, ack_p99_m",
    ),
    ("id: p99, ", "", 14, "sla[0].id is missing"),
    ("version: 1", "version: 2", 1, "version must be 1; got 2"),
    (
        "name: broker-failure",
        "name: Broker",
        2,
        "name must be 1 to 64 lower-case letters, digits and hyphens; got Broker",
    ),
]


def test_a_closed_load_cannot_have_a_surge():
    """It has no arrivals that could be multiplied."""
    closed = GOOD.replace("users: 200", "users: 200, model: closed")
    loader.parse(closed, "x.yaml")
    surge = closed.replace("kind: kill, target: broker", "kind: surge, target: gateway")
    with pytest.raises(
        ConfigError, match="closed load, which has no arrivals to multiply; got surge"
    ):
        loader.parse(surge, "x.yaml")


def test_the_valid_file_is_accepted():
    """The cases below are invalid only because of what each of them changes."""
    assert loader.parse(GOOD, "x.yaml").name == "broker-failure"


@pytest.mark.parametrize(("old", "new", "line", "message"), BAD)
def test_an_error_names_line_key_and_what_is_allowed(old, new, line, message):
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        loader.parse(GOOD.replace(old, new), "x.yaml")
    assert str(caught.value).startswith(f"x.yaml:{line}: {message}")


@pytest.mark.parametrize("text", ["", "- 1", "just text", "a: [", "a: &x *x"])
def test_a_file_that_is_not_a_mapping_or_not_yaml_is_refused(text):
    with pytest.raises(ConfigError, match=r"^x\.yaml"):
        loader.parse(text, "x.yaml")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
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
    ("arrivals: bursty", "load.arrivals must be one of: constant, poisson; got 'bursty'"),
    (
        "profile: {kind: sine}",
        "load.profile.kind must be one of: constant, ramp, step, spike, diurnal, recorded; got",
    ),
    ("profile: {from: 1/s}", "load.profile.kind is missing"),
    (
        "profile: {kind: ramp, from: 1/s, too: 2/s}",
        "load.profile.too is not a known key; allowed: kind, from, to, at, for",
    ),
    (
        "profile: {kind: ramp, from: 1, to: -1}",
        "load.profile.to must be a rate of zero or more; got -1",
    ),
    (
        "profile: {kind: ramp, from: 0/s, to: 0/s}",
        "load.profile must be a profile that sends at least one message after the ramp; got",
    ),
    (
        "profile: {kind: ramp, from: 0, to: 9, at: 20s}",
        "load.profile.at must be before the end of the load (15 s); got 20 s",
    ),
    (
        "profile: {kind: step, steps: []}",
        "load.profile.steps must be a list of at least one step; got an empty list",
    ),
    (
        "profile: {kind: step, steps: [{at: 9s, rate: 1/s}, {at: 9s, rate: 2/s}]}",
        "load.profile.steps[1].at must be later than the step before it (9 s); got 9 s",
    ),
    (
        "profile: {kind: step, steps: [{at: 9s, rat: 1/s}]}",
        "load.profile.steps[0].rat is not a known key; allowed: at, rate",
    ),
    (
        "profile: {kind: spike, base: 1/s, peak: 9/s, at: 15s, for: 3s}",
        "load.profile.at must be before the end of the load (15 s); got 15 s",
    ),
    (
        "profile: {kind: diurnal, low: 1/s, high: 9/s, period: 1ms}",
        "load.profile.period must be 1 s or more; got 1 ms",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD_PROFILES)
def test_an_error_in_a_profile_names_what_is_allowed_in_its_kind(line, message):
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


def test_the_path_of_a_trace_is_relative_to_the_scenario_file(recorded, tmp_path):
    profile = recorded("offset_s\n1\n").load.profile
    assert profile.file == str(tmp_path.resolve() / "traces" / "t.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("offset_s\n1\nsoon\n", "must be a valid trace ("),
        ("offset_s\n11\n", "must be a trace that sends a message within 10 s; got traces/t.csv"),
    ],
)
def test_an_invalid_trace_is_reported_at_the_key_that_names_it(recorded, tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        recorded(text)
    error = str(caught.value)
    assert error.startswith(f"{tmp_path / 'x.yaml'}:7: load.profile.file {message}")
    if "soon" in text:
        assert (
            "t.csv:3: offset_s must be a number of 1 or more, because offsets ascend; got 'soon'"
            in error
        )
