"""docs/howto/prometheus.md and its dashboard name the metrics that a run exports."""

import json
import re
from pathlib import Path

from gauntlet.runner.exporter.metrics import METRICS
from gauntlet.runner.exporter.recorder import PHASES

FOLDER = Path(__file__).parents[1] / "docs" / "howto"
PAGE = (FOLDER / "prometheus.md").read_text()
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text())
NAME = re.compile(r"\bgauntlet_\w+")
NAMES = {metric.name for metric in METRICS}


def queries() -> list[str]:
    """The queries of all panels, annotations and variables of the dashboard."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    annotations = [each["expr"] for each in DASHBOARD["annotations"]["list"]]
    variables = [
        each["query"]["query"]
        for each in DASHBOARD["templating"]["list"]
        if each["type"] == "query"
    ]
    return panels + annotations + variables


def test_every_query_of_the_dashboard_names_exported_metrics():
    for query in queries():
        used = NAME.findall(query)
        assert used, query
        assert set(used) <= NAMES, query


def test_the_dashboard_shows_every_metric():
    assert {name for query in queries() for name in NAME.findall(query)} == NAMES


def test_the_rate_of_every_counter_and_of_nothing_else_is_shown():
    counters = {metric.name for metric in METRICS if metric.kind == "counter"}
    rates = {name for query in queries() for name in re.findall(r"rate\((gauntlet_\w+)", query)}
    assert rates == counters
    assert counters == {name for name in NAMES if name.endswith("_total")}


def test_the_panels_do_not_overlap():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_page_lists_every_metric_with_its_type_and_its_labels():
    rows = re.findall(r"^\| `(gauntlet_\w+)` \| (\w+) \| (.*?) \|", PAGE, re.MULTILINE)
    assert [(name, kind) for name, kind, _ in rows] == [
        (metric.name, metric.kind) for metric in METRICS
    ]
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}
    for metric in METRICS:
        if metric.columns:
            assert listed[metric.name] == {"worker", *metric.columns[0].labels}
    assert set(PHASES) == listed["gauntlet_run_phase"] - {"phase"}


def test_the_examples_of_queries_name_exported_metrics():
    (example,) = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
    assert set(NAME.findall(example)) <= NAMES
