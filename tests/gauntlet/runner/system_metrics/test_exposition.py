"""Prometheus' text format."""

from gauntlet.runner.system_metrics import exposition

PAGE = r"""
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
erlang_vm_memory_bytes_total{kind="system"} 1.5e+07
erlang_vm_memory_bytes_total{kind="processes",node="a} b"} 2e7 1700000000000
odd{text="a \"quoted\" \\ value\n"} 3
gone NaN
damaged{ 4
process_cpu_seconds_total_more 99
"""


def test_samples_have_names_labels_and_values():
    found = list(exposition.samples(PAGE))
    assert [each.name for each in found][:2] == [
        "process_cpu_seconds_total",
        "erlang_vm_memory_bytes_total",
    ]
    assert found[2].labels == {"kind": "processes", "node": "a} b"}
    assert found[3].labels == {"text": 'a "quoted" \\ value\n'}


def test_samples_with_the_labels_are_summed():
    found = list(exposition.samples(PAGE))
    assert exposition.total(found, "process_cpu_seconds_total", {}) == 12.5
    assert exposition.total(found, "erlang_vm_memory_bytes_total", {}) == 3.5e7
    assert exposition.total(found, "erlang_vm_memory_bytes_total", {"kind": "system"}) == 1.5e7


def test_a_series_without_a_finite_sample_has_no_sum():
    found = list(exposition.samples(PAGE))
    assert exposition.total(found, "gone", {}) is None
    assert exposition.total(found, "absent", {}) is None
    assert exposition.total(found, "erlang_vm_memory_bytes_total", {"kind": "ets"}) is None
