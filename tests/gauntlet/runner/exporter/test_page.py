"""Prometheus' text format."""

from gauntlet.runner.exporter import page
from gauntlet.runner.exporter.metrics import Metric
from gauntlet.runner.system_metrics import exposition

METRIC = Metric("things_total", "counter", "Some things.")


def test_a_metric_has_its_help_its_type_and_a_line_for_each_sample():
    text = page.family(METRIC, [({}, 3), ({"kind": "a", "where": "b"}, 0.25)])
    assert text == (
        "# HELP things_total Some things.\n"
        "# TYPE things_total counter\n"
        "things_total 3\n"
        'things_total{kind="a",where="b"} 0.25\n'
    )


def test_a_metric_without_samples_is_left_out():
    assert page.family(METRIC, []) == ""


def test_hostile_values_of_labels_end_neither_the_value_nor_the_line():
    hostile = 'a"} 1\nother_total{x="\\'
    text = page.family(METRIC, [({"value": hostile}, 1)])
    assert text.splitlines()[2:] == [r'things_total{value="a\"} 1\nother_total{x=\"\\"} 1']
    assert [sample.labels for sample in exposition.samples(text)] == [{"value": hostile}]


def test_a_lone_surrogate_can_be_encoded():
    text = page.family(METRIC, [({"value": "\udcff"}, 1)])
    assert b'"\\\\udcff"' in text.encode()
