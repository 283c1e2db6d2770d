"""Which components are shown, and how."""

from gauntlet.reports.render import components

CORES = {f"c{number}": [float(number), None, float(number)] for number in range(8)}


def test_the_components_that_use_most_have_a_line_each_and_the_others_one():
    (panel,) = components.panels({"component_cores": CORES})
    assert [line.name for line in panel.lines] == ["c7", "c6", "c5", "c4", "c3", "3 others"]
    assert panel.lines[0].values == [7, None, 7]
    assert panel.lines[-1].values == [3, None, 3]
    assert panel.title == "CPU, cores"


def test_a_component_has_the_same_style_in_all_charts():
    use = {
        "component_cores": {"a": [2.0], "b": [1.0], "c": [0.5]},
        "component_rss_bytes": {"a": [1e6], "b": [2e6]},
        "database_bytes": {"db": [1e6]},
    }
    styles = [{line.name: line.style for line in each.lines} for each in components.panels(use)]
    assert styles == [{"a": 0, "b": 1, "c": 2}, {"b": 1, "a": 0}, {"db": 3}]


def test_values_are_shown_in_units_that_can_be_read():
    use = {"component_rss_bytes": {"a": [2e6, 1_234_567]}, "component_connections": {"a": [5]}}
    memory, connections = components.panels(use)
    assert memory.lines[0].values == [2, 1.235]
    assert memory.title == "memory, MB"
    assert (connections.title, connections.lines[0].values) == ("connections", [5])


def test_a_row_of_several_seconds_is_the_most_of_them():
    (panel,) = components.panels({"component_cores": {"a": [1, 3, None, None, 2]}}, 2)
    assert panel.lines[0].values == [3, None, 2]


def test_the_table_has_the_average_and_the_most_of_each_component():
    use = {"component_cores": {"a": [1.0, 2.0, None]}, "database_bytes": {"db": [1e6, 3e6]}}
    assert components.rows(use) == [
        {"name": "a", "cells": ["1.5 · 2", "–"]},
        {"name": "db", "cells": ["–", "2 · 3"]},
    ]


def test_a_long_name_leaves_room():
    (panel,) = components.panels({"component_cores": {"x" * 99: [1.0]}})
    assert panel.lines[0].name == "x" * 17 + "…"
