"""How figures are written."""

import pytest

from gauntlet.campaigns.plan.figures import Basis, Figure, measured, unknown
from gauntlet.campaigns.plan.model import Change, Input
from gauntlet.campaigns.plan.outputs import text


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (measured([9, 12, 15], "nodes", 1.0), "12 nodes (9–15)"),
        (measured([9, 12, 15], "nodes", 4.0), "≈ 12 nodes (9–15)"),
        (measured([12, 12, 12], "nodes", 1.0), "12 nodes"),
        (measured([12, 12, 12], "nodes", 4.0), "≈ 12 nodes (12–12)"),
        (measured([40.123, 45, float("inf")], "s", 4.0), "≈ 45.0 s (40.1–∞)"),
        (measured([41.2, 46, 50], "% of its cores", 1.0), "46.0 % (41.2–50.0)"),
        (measured([2.01, 2.05, 2.1], "EUR", 1.0), "2.05 EUR (2.01–2.10)"),
        (unknown("s", "not measured"), "unknown (not measured)"),
        (
            Figure(
                value="2027-01-02",
                low="2027-01-01",
                high="2027-02-01",
                unit="day",
                basis="measured",
            ),
            "2027-01-02 (2027-01-01 to 2027-02-01)",
        ),
    ],
)
def test_figures_have_units_intervals_and_a_mark_if_they_are_extrapolated(figure, shown):
    assert text.figure(figure) == shown


def test_the_ends_are_ordered_whichever_costs_they_belong_to():
    figure = measured([15, 12, 9], "times", 1.0)
    assert (figure.low, figure.value, figure.high) == (9, 12, 15)


@pytest.mark.parametrize(
    ("value", "unit", "name", "shown"),
    [
        (0.25, "%", "online_share", "25 %"),
        (1e7, "", "users", "10,000,000"),
        ((5.0, 15.0), "s", "detection_s", "5–15 s"),
        (16e9, "bytes", "node_memory_bytes", "16 GB"),
        (None, "cores", "node_cores", "that of the measured machine"),
        (None, "months", "retention_months", "all"),
        (12, "months", "months", "12 months"),
    ],
)
def test_inputs_are_written_with_their_units(value, unit, name, shown):
    found = Input(name=name, label="x", value=value, unit=unit, basis=Basis.GIVEN)
    assert text.input_value(found) == shown


def test_numbers_have_no_exponents():
    assert text.number(1234567.8) == "1,234,568"
    assert text.number(0.00123) == "0.00123"
    assert text.number(float("inf")) == text.number("inf") == "∞"
    assert text.number(None) == "unknown"
    assert text.scalar(0.000773) == "0.000773"
    assert [text.share_of(each) for each in (1.34, 230.4)] == ["1.3", "230"]


@pytest.mark.parametrize(
    ("unit", "lower", "higher", "shown"),
    [
        ("%", 0.2, 0.3, "20 % to 30 %"),
        ("", 3.0, 5.0, "3 to 5"),
        ("", None, None, ""),
    ],
)
def test_changed_inputs_are_written_with_their_units(unit, lower, higher, shown):
    found = Change(label="x", unit=unit, lower=lower, higher=higher, nodes_lower=1, nodes_higher=2)
    assert text.change(found) == shown
