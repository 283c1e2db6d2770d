"""The charts of the page."""

import re

import pytest

from gauntlet.campaigns.plan.model import Change, StormPlan
from gauntlet.campaigns.plan.outputs import drawing
from gauntlet.campaigns.plan.outputs.text import number
from gauntlet.reports.formatting import same_decimals

from ..planned import planned


def points(svg):
    found = re.search(r'class="line" points="([^"]*)"', svg)[1]
    return [tuple(map(float, each.split(","))) for each in found.split()]


def test_the_curve_of_clients_that_come_back_rises():
    line = points(drawing.back_curve(planned().storm))
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)


def test_a_storm_without_a_curve_has_no_chart():
    assert drawing.back_curve(StormPlan(why_not="one zone")) == ""


def test_the_demand_grows_through_what_the_nodes_carry():
    plan = planned(growth_per_month=0.05)
    svg = drawing.growth_curve(plan)
    line = points(svg)
    band = re.search(r'class="band" x="56" y="([\d.]+)"', svg)
    top = float(band[1])
    assert line[0][1] > top > line[-1][1]


def test_the_end_of_the_headroom_and_both_ends_of_the_band_are_named():
    plan = planned(growth_per_month=0.05)
    svg = drawing.growth_curve(plan)
    dot = re.search(r'class="dot" cx="([\d.]+)" cy="([\d.]+)"', svg)
    nearest = min(points(svg), key=lambda point: abs(point[0] - float(dot[1])))
    assert abs(nearest[1] - float(dot[2])) < 4
    assert f">≈ {plan.headroom.ends.value}</text>" in svg
    band = plan.headroom.factor
    for end in same_decimals(number(band.low), number(band.high)):
        assert f">{end} ×</text>" in svg


def test_shares_are_written_as_everywhere():
    assert ">99 %</text>" in drawing.back_curve(planned().storm)


@pytest.mark.parametrize("growth", [0.0, -0.1])
def test_a_demand_that_does_not_grow_has_no_chart(growth):
    assert drawing.growth_curve(planned(growth_per_month=growth)) == ""


def test_bars_share_one_scale_and_mark_what_is_planned():
    changes = [
        Change(label="a", unit="", lower=1.0, higher=2.0, nodes_lower=10, nodes_higher=30),
        Change(label="b", unit="", lower=1.0, higher=2.0, nodes_lower=25, nodes_higher="inf"),
    ]
    first = drawing.bar(changes[0], changes, 20)
    assert 'x="0.0" y="2" width="200.0"' in first
    assert 'x1="100.0"' in first
    second = drawing.bar(changes[1], changes, 20)
    assert 'x="150.0" y="2" width="50.0"' in second
