"""The use of components by second, from the journals of a run."""

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.reports.render.charts import component_use

ZERO_S = 1000


@pytest.fixture
def run(tmp_path):
    """A run whose timeline begins at 1000 s; `write` adds a row to one of its journals."""
    created = RunDir.create(tmp_path, "x", 1)
    write(created, "load-0", "phase", 0, phase="ramp")
    return created


def write(run, writer, kind, at_s, **fields):
    journal = Journal(run, writer)
    journal.write(kind, t_ns=int((ZERO_S + at_s) * NS_PER_S), **fields)
    journal.close()


def test_a_row_is_about_the_second_before_it(run):
    for at_s, cores in ((-0.4, 9.0), (1.02, 0.25), (1.98, 0.5), (3.01, 0.75), (9.0, 1.0)):
        write(run, "vitals", "vitals", at_s, component_cores={"edge-1": cores})
    assert component_use.read(run, 5) == {
        "component_cores": {"edge-1": [0.25, 0.5, 0.75, 1.0, 1.0]}
    }


def test_a_row_of_slower_samples_is_about_the_time_since_the_row_before(run):
    for at_s, size in ((2, 10), (5, 20), (40, 30)):
        write(run, "metrics", "metrics", at_s, component_rss_bytes={"chat": size})
    column = component_use.read(run, 41)["component_rss_bytes"]["chat"]
    assert column[:5] == [None, 10, 20, 20, 20]
    assert column[5:] == [None] * 34 + [30, None]  # 35 s without samples are not filled in


def test_a_component_that_is_down_has_no_values(run):
    for at_s, found in ((1, {"a": 1, "b": 2}), (2, {"b": 2}), (3, {"a": 1, "b": 2})):
        write(run, "vitals", "vitals", at_s, component_cores=found)
    columns = component_use.read(run, 3)["component_cores"]
    assert columns == {"a": [1, None, 1], "b": [2, 2, 2]}


def test_measures_of_both_journals_are_in_a_fixed_order(run):
    write(run, "metrics", "metrics", 1, component_connections={"chat": 5})
    write(run, "vitals", "vitals", 1, database_bytes={"db": 7}, component_cores={"edge-1": 1})
    assert [*component_use.read(run, 2)] == [
        "component_cores",
        "database_bytes",
        "component_connections",
    ]


@pytest.mark.parametrize("value", [None, "1", float("inf"), [1], {"a": None}, {"a": "x"}])
def test_values_that_are_no_numbers_are_left_out(run, value):
    (run.events / "vitals.jsonl").write_text("")
    fields = {"component_cores": value if isinstance(value, dict | list) else {"a": value}}
    if value != float("inf"):
        write(run, "vitals", "vitals", 1, **fields)
    assert component_use.read(run, 2) == {}


def test_a_run_without_a_timeline_has_none(tmp_path):
    run = RunDir.create(tmp_path, "y", 1)
    write(run, "vitals", "vitals", 1, component_cores={"a": 1})
    assert component_use.read(run, 2) == {}
