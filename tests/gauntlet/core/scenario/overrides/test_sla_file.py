"""Objectives of a file: absolute ones, and those relative to a baseline."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.scenarios import library


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "sla.yaml"
        file.write_text(text)
        return sla_file.read(file)

    return read


def one(**changes):
    """A file with one objective."""
    fields = {"id": "x", "indicator": "ack_p99_ms", "op": '"<"', "value": "5", **changes}
    return "sla:\n  - {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}\n"


def test_both_kinds_are_read(read):
    text = one() + one(id="y", value="+10%", relative_to="baseline").removeprefix("sla:\n")
    found = read(text)
    assert [(each.id, each.value) for each in found.absolute] == [("x", 5.0)]
    assert [(each.id, each.share, each.lower_is_better) for each in found.relative] == [
        ("y", 0.1, True)
    ]


def test_a_rate_may_fall_by_a_share(read):
    text = one(indicator="acked_per_s", op='">="', value="-20%", relative_to="baseline")
    (found,) = read(text).relative
    assert (found.share, found.lower_is_better) == (0.2, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": "+10%"}, "finite number .a percentage needs `relative_to"),
        ({"value": ".nan"}, r"sla.yaml:2: sla\[0\].value of 'x' must be a finite number"),
        ({"value": "5", "relative_to": "baseline"}, "must be a percentage"),
        (
            {"value": "+5%", "relative_to": "baseline", "min_samples": 9},
            r"sla\[0\].min_samples of 'x' must be left out",
        ),
        ({"value": "-10%", "relative_to": "baseline"}, "how much worse"),
        ({"value": "0%", "relative_to": "baseline"}, "how much worse"),
        ({"value": "+10%", "op": '">"', "relative_to": "baseline"}, "how much worse"),
        ({"value": "-100%", "op": '">"', "relative_to": "baseline"}, "how much worse"),
        ({"value": "99999999%", "relative_to": "baseline"}, "must be a percentage"),
        ({"indicator": "speed"}, "must be one of"),
        ({"indicator": "speed", "value": "+1%", "relative_to": "baseline"}, "must be one of"),
        ({"severity": "info"}, r"yaml:2: sla\[0\].severity must be one of: fail, warn; got 'info'"),
        ({"colour": "red"}, r"yaml:2: sla\[0\].colour is not a known key; allowed: id, "),
        ({"relative_to": "moon"}, r"sla\[0\].relative_to must be"),
        ({"value": "[1]"}, r"sla\[0\].value must be a number or a string; got \[1\]"),
    ],
)
def test_wrong_objectives_are_refused(read, changes, message):
    with pytest.raises(ConfigError, match=message):
        read(one(**changes))


def test_files_that_hold_something_else_are_refused(read, tmp_path):
    for text in ("", "5", "sla: 5", "sla:\n  - 7", "other: 1"):
        with pytest.raises(ConfigError):
            read(text)
    with pytest.raises(ConfigError, match="cannot be read"):
        sla_file.read(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"sla.yaml:3: sla\[1\].id must not occur twice; got 'x'"):
        read(one() + one().removeprefix("sla:\n"))


def test_objectives_are_added_and_replace_those_with_the_same_id(read):
    scenario = library.find("gateway-crash")
    text = one(id="p99-steady", value="1") + one(id="new").removeprefix("sla:\n")
    found = sla_file.with_objectives(scenario, read(text).absolute)
    assert [each.id for each in found.sla] == [*(each.id for each in scenario.sla), "new"]
    assert found.sla[0].value == 1


def test_an_objective_on_a_window_of_another_scenario_is_left_out(read):
    scenario = library.find("steady")
    found = sla_file.with_objectives(scenario, read(one(window='"fault:crash"')).absolute)
    assert found.sla == scenario.sla
