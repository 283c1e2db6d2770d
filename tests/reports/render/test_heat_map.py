"""The cells of a heat map lie where their time and their latency are."""

import pytest

from gauntlet.reports.render import heat_map

EDGES = [1.0, 10.0, 100.0]


def of(counts, never=(), faults=(), step_s=1):
    never = list(never) or [0] * len(counts)
    found = {"step_s": step_s, "edges_ms": EDGES, "counts": counts, "never": never}
    return heat_map.layout(found, list(faults))


def test_an_empty_cell_is_not_drawn_and_the_fullest_is_the_darkest():
    found = of([[0, 1], [1000, 0]])
    light, dark = found["shades"]
    assert light["opacity"] < dark["opacity"] == 1.0
    assert light["path"].startswith(f"M{heat_map.LEFT}.0 {heat_map.TOP}.0")
    middle = heat_map.LEFT + heat_map.WIDTH / 2
    assert dark["path"].startswith(f"M{middle} {heat_map.TOP + heat_map.HEIGHT / 2}")


def test_one_message_and_thirty_differ_beside_a_thousand():
    found = of([[1, 30], [1000, 0]])
    assert len(found["shades"]) == 3


def test_what_never_arrived_has_a_row_of_its_own():
    (cell,) = of([[1, 0], [1, 0]], never=[0, 7])["never"]
    assert cell == {"x": heat_map.LEFT + heat_map.WIDTH / 2, "count": 7}


def test_faults_are_bands_and_end_with_the_map():
    faults = [
        {"id": "a", "effective_at_s": 1.0, "healed_at_s": None},
        {"id": "b", "effective_at_s": None, "healed_at_s": None},
        {"id": "c", "effective_at_s": 5.0, "healed_at_s": 6.0},
    ]
    (band,) = of([[1, 1], [1, 1]], faults=faults)["bands"]
    assert band["x"] + band["width"] == heat_map.LEFT + heat_map.WIDTH


def test_a_map_without_any_message_can_be_drawn():
    assert of([[0, 0]])["shades"] == []


def test_eight_hours_are_labelled_with_few_numbers():
    assert 5 <= len(of([[1, 1]] * 150, step_s=192)["ticks"]) <= 13


@pytest.mark.parametrize("columns", [0, 1, 40, 1000])
@pytest.mark.parametrize("step_s", [1, 30, 600])
def test_the_ticks_of_the_time_axis_have_room(columns, step_s):
    ticks = of([[1, 0]] * columns, step_s=step_s)["ticks"]
    assert min(columns, 1) <= len(ticks) <= 13
