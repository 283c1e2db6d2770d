"""Reading records of capacity, good and bad ones."""

import hashlib
import json

import msgspec
import pytest

from gauntlet.campaigns.capacity.record import Estimate, System
from gauntlet.campaigns.plan.sources import costs
from gauntlet.core.errors import ConfigError

from ..example import capacity, encoded, estimate, measured, unit_cost


@pytest.fixture
def written(tmp_path):
    """Writes a record and returns its file."""

    def write(record=None, name="capacity.json", **changes):
        file = tmp_path / name
        file.write_bytes(encoded(record or capacity(), **changes))
        return file

    return write


def test_costs_are_grouped_by_tier_and_the_file_is_hashed(written):
    file = written()
    found = costs.read([file])
    assert sorted(found.tiers) == ["database", "edge", "message"]
    assert [cost.resource for cost in found.tiers["edge"]] == [
        "cpu_s",
        "memory_bytes",
        "network_bytes",
    ]
    assert found.sources[0].sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.first.system.adapter == "reference"


def test_the_fixed_part_and_the_reach_are_those_of_one_instance():
    unit = unit_cost("edge", "cpu_s", 0.4, {"delivery": 1e-4}, instances=4, spread=0.5)
    (cost,) = measured(capacity(unit_costs=(unit,))).tiers["edge"]
    assert cost.fixed == pytest.approx((0.1, 0.05, 0.15, True))
    assert cost.per["delivery"] == pytest.approx((1e-4, 0.5e-4, 1.5e-4, True))
    assert cost.reach == {"delivery": 250}


def test_no_cost_is_negative_whatever_a_fit_says():
    unit = unit_cost(
        "edge", "cpu_s", 0.1, {}, per={"delivery": Estimate(value=-1.0, low=-2.0, high=1.0)}
    )
    unit = msgspec.structs.replace(unit, measured_range={"delivery": (1.0, 2.0)})
    (cost,) = measured(capacity(unit_costs=(unit,))).tiers["edge"]
    assert cost.per["delivery"][:3] == (0, 0, 1)


def test_an_interval_without_bounds_is_known_to_be_unknown():
    unit = unit_cost("edge", "cpu_s", 0.1, {}, fixed=Estimate(value=0.1, low=None, high=None))
    (cost,) = measured(capacity(unit_costs=(unit,))).tiers["edge"]
    assert cost.fixed == (0.1, 0.1, 0.1, False)


@pytest.mark.parametrize("order", [1, -1])
def test_a_cost_that_was_measured_twice_has_an_interval_that_spans_both(order):
    first = unit_cost("edge", "cpu_s", 0.1, {"delivery": 1e-4}, levels=6)
    second = unit_cost("edge", "cpu_s", 0.2, {"delivery": 3e-4}, levels=9)
    records = [capacity(unit_costs=(unit,)) for unit in (first, second)][::order]
    (cost,) = measured(*records).tiers["edge"]
    assert cost.per["delivery"] == pytest.approx((3e-4, 0.9e-4, 3.3e-4, True))
    assert cost.fixed == pytest.approx((0.2, 0.09, 0.22, True))
    assert cost.levels == 9


def test_several_records_add_up_to_all_tiers(written):
    one = written(capacity(unit_costs=(unit_cost("edge", "cpu_s", 0.1, {}),)), "one.json")
    two = written(capacity(unit_costs=(unit_cost("room", "cpu_s", 0.1, {}),)), "two.json")
    assert sorted(costs.read([one, two]).tiers) == ["edge", "room"]


def test_the_lowest_result_of_a_search_counts():
    low = msgspec.structs.replace(capacity().sustainable[0], low=300.0)
    none = msgspec.structs.replace(low, low=None)
    found = measured(capacity(), capacity(sustainable=(low, none)))
    assert found.sustainable("rate_per_s", "steady").low == 300
    assert found.sustainable("rate_per_s", "n-1") is None


def test_records_of_two_systems_are_refused(written):
    other = capacity(system=System(adapter="mqtt", stack="mosquitto"))
    with pytest.raises(ConfigError, match="one system; got mqtt on mosquitto, reference on"):
        costs.read([written(), written(other, "other.json")])


def test_a_record_is_needed():
    with pytest.raises(ConfigError, match="RECORD"):
        costs.read([])


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_schema_versions_are_refused(written, version):
    with pytest.raises(ConfigError, match="schema_version"):
        costs.read([written(schema_version=version)])


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"schema_version": 1}', b"[" * 9999]
)
def test_what_is_no_record_is_refused_with_its_file(tmp_path, content):
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.json"):
        costs.read([file])


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.json"):
        costs.read([tmp_path / "none.json"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(written, number):
    file = written()
    plain = json.loads(file.read_text())
    plain["unit_costs"][0]["fixed"]["value"] = 12345.5
    file.write_text(json.dumps(plain).replace("12345.5", number))
    with pytest.raises(ConfigError):
        costs.read([file])


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        (unit_cost("edge", "cpu_s", 0.1, {}, levels=1), "at least 2 levels"),
        (unit_cost("edge", "cpu_s", 0.1, {}, instances=0), "at least one instance"),
        (unit_cost("edge", "cpu_s", 0.1, {}, residual=-1.0), "residual"),
        (unit_cost("edge", "cpu_s", 0.1, {"message": 1}, measured_range={}), "measured_range"),
        (
            unit_cost("edge", "cpu_s", 0.1, {"message": 1}, measured_range={"message": (9.0, 1.0)}),
            "measured_range of message; got 9.0 to 1.0",
        ),
        (
            unit_cost("edge", "cpu_s", 0.1, {}, fixed=Estimate(value=1.0, low=2.0, high=3.0)),
            "between its bounds",
        ),
        (unit_cost("\x1b[31m", "cpu_s", 0.1, {}), "printable"),
        (unit_cost("", "cpu_s", 0.1, {}), "printable"),
        (unit_cost("x" * 200, "cpu_s", 0.1, {}), "printable"),
        (unit_cost("edge", "cpu_s", 0.1, {}, tier="a\nb"), "printable"),
    ],
)
def test_a_unit_cost_that_makes_no_sense_is_refused_by_name(unit, problem):
    with pytest.raises(ConfigError, match=problem):
        measured(capacity(unit_costs=(unit,)))


@pytest.mark.parametrize("units", [(), (unit_cost("edge", "memory_bytes", 1e8, {}),)])
def test_a_record_without_any_cost_of_cpu_is_refused(units):
    with pytest.raises(ConfigError, match=r"cpu_s.*without --no-unit-costs; `not_measured`"):
        measured(capacity(unit_costs=units))


def test_the_example_itself_is_within_its_bounds():
    assert estimate(10, 0.1) == Estimate(value=10, low=9, high=11)
