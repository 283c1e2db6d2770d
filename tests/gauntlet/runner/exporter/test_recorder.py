"""What the exporter knows of a run."""

import io
import json

import pytest
from rich.console import Console

from gauntlet.cli.running.progress import PlainView
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.exporter.metrics import METRICS, WORKER_METRICS
from gauntlet.runner.exporter.recorder import Recorder
from gauntlet.runner.live_metrics import merge_rows
from gauntlet.runner.system_metrics import exposition

SCENARIO = from_builtins(
    {
        "version": 1,
        "name": "shown",
        "about": "x",
        "seed": 7,
        "load": {"users": 4, "ramp": "2s", "steady": "10s"},
        "faults": [{"id": "gone", "kind": "kill", "target": "edge", "at": "3s", "for": "2s"}],
    }
)
KEYS = [column.key for metric in WORKER_METRICS for column in metric.columns]


def row(worker: int = 0, t_ns: int = 1, **changes: object) -> dict[str, object]:
    """A row of `live.jsonl` in which every column has a value of its own."""
    values = {key: 1000 * (index + 1) for index, key in enumerate(KEYS)}
    return {"t_ns": t_ns, "worker": worker, "phase": "steady", **values, **changes}


class Recorded:
    """A recorder with what it shows people, and what it exports."""

    def __init__(self, **labels: str) -> None:
        self.shown = io.StringIO()
        view = PlainView(Console(file=self.shown, width=200))
        self.recorder = Recorder(view, SCENARIO, labels)

    def values(self, name: str, *keys: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels[key] for key in keys): sample.value
            for sample in exposition.samples(self.recorder.page())
            if sample.name == name
        }

    def value(self, name: str) -> float | None:
        return exposition.total(list(exposition.samples(self.recorder.page())), name, {})


def step(name: str, fault: str = "gone") -> dict[str, object]:
    return {"id": fault, "fault": "kill", "target": "edge", "step": name, "proof": {}}


def test_before_the_load_reports_the_run_its_phase_and_its_faults_are_known():
    recorded = Recorded(version='2.3 "x"')
    text = recorded.recorder.page()
    about = 'scenario="shown",stack="embedded",adapter="reference",seed="7"'
    assert f"gauntlet_run_info{{{about}}} 1\n" in text
    assert recorded.values("gauntlet_run_label", "key", "value") == {("version", '2.3 "x"'): 1}
    assert recorded.values("gauntlet_run_phase", "phase")[("starting",)] == 1
    assert recorded.values("gauntlet_fault_active", "fault", "kind", "target") == {
        ("gone", "kill", "edge"): 0
    }
    assert recorded.value("gauntlet_run_planned_seconds") == 12
    assert recorded.value("gauntlet_run_elapsed_seconds") is None
    assert recorded.value("gauntlet_live_age_seconds") is None


@pytest.mark.parametrize("metric", WORKER_METRICS, ids=lambda metric: metric.name)
def test_each_column_is_exported_in_base_units_for_each_worker(metric):
    recorded = Recorded()
    recorded.recorder.tick(merge_rows([row(0), row(1)]), 1.0)
    columns = {
        tuple(column.labels.values()): row()[column.key] / column.divisor
        for column in metric.columns
    }
    labels = list(metric.columns[0].labels)
    assert recorded.values(metric.name, "worker", *labels) == {
        (worker, *names): value for worker in ("0", "1") for names, value in columns.items()
    }


def test_columns_in_milliseconds_and_no_others_are_converted():
    for metric in WORKER_METRICS:
        for column in metric.columns:
            assert (column.divisor == 1000) == column.key.endswith("_ms"), column
            assert column.key.endswith("_ms") == metric.name.endswith("_seconds"), metric


def test_no_column_is_exported_twice():
    assert len(KEYS) == len(set(KEYS))


def test_every_metric_is_on_the_page_of_a_run_under_load():
    recorded = Recorded(version="2")
    recorded.recorder.tick(row(), 1.0)
    names = {sample.name for sample in exposition.samples(recorded.recorder.page())}
    assert names == {metric.name for metric in METRICS}


def test_a_percentile_of_a_second_without_messages_is_left_out():
    recorded = Recorded()
    recorded.recorder.tick(row(ack_p99_ms=None), 1.0)
    percentiles = recorded.values("gauntlet_ack_latency_seconds", "percentile")
    assert set(percentiles) == {("50",), ("99.9",)}


def test_the_age_grows_while_the_load_repeats_its_last_row(monkeypatch):
    now_s = 100.0
    monkeypatch.setattr("gauntlet.runner.exporter.recorder.time.monotonic", lambda: now_s)
    recorded = Recorded()
    recorded.recorder.tick(row(t_ns=1), 1.0)
    now_s = 103.0
    recorded.recorder.tick(row(t_ns=1), 4.0)
    assert recorded.value("gauntlet_live_age_seconds") == 3
    recorded.recorder.tick(row(t_ns=2), 4.0)
    assert recorded.value("gauntlet_live_age_seconds") == 0
    assert recorded.value("gauntlet_run_elapsed_seconds") == 4


@pytest.mark.parametrize(
    ("steps", "active", "failed"),
    [
        (["requested"], 0, 0),
        (["requested", "effective"], 1, 0),
        (["requested", "effective", "heal-requested"], 1, 0),
        (["requested", "effective", "heal-requested", "healed"], 0, 0),
        (["requested", "effective", "heal-requested", "heal-failed"], 1, 1),
        (["requested", "effective", "heal-requested", "failed"], 1, 1),
        (["requested", "effective", "heal-requested", "failed", "heal-failed"], 1, 1),
        (["requested", "effective", "heal-requested", "failed", "healed"], 0, 1),
        (["requested", "failed"], 0, 1),
        (["requested", "failed", "heal-requested", "healed"], 0, 1),
        (["missed"], 0, 1),
    ],
)
def test_a_fault_is_active_from_its_proof_until_it_is_healed(steps, active, failed):
    recorded = Recorded()
    for name in steps:
        recorded.recorder.fault(step(name))
    assert recorded.value("gauntlet_fault_active") == active
    assert recorded.value("gauntlet_fault_failed") == failed


def test_a_fault_that_the_scenario_does_not_name_is_shown_and_not_exported():
    recorded = Recorded()
    recorded.recorder.fault(step("effective", "other"))
    assert recorded.values("gauntlet_fault_active", "fault") == {("gone",): 0}
    assert "other" in recorded.shown.getvalue()


def mark(step: str, t_ns: int, fault: str = "reboot") -> dict[str, object]:
    return {"kind": "mark", "id": fault, "step": step, "t_ns": t_ns}


@pytest.mark.parametrize(
    ("marks", "active"),
    [
        ([mark("begin", 1)], 1),
        ([mark("begin", 1), mark("end", 2)], 0),
        ([mark("end", 2), mark("begin", 1)], 0),
        ([mark("begin", 1), mark("end", 2), mark("begin", 3)], 1),
    ],
)
def test_a_fault_that_others_make_is_active_between_its_marks(marks, active):
    recorded = Recorded()
    for row in marks:
        recorded.recorder.mark(row)
    assert recorded.values("gauntlet_fault_active", "fault", "kind", "target") == {
        ("gone", "kill", "edge"): 0,
        ("reboot", "observed", ""): active,
    }
    assert recorded.values("gauntlet_fault_failed", "fault") == {("gone",): 0}


def test_marks_of_a_planned_fault_count_in_place_of_its_plan():
    recorded = Recorded()
    recorded.recorder.fault(step("effective"))
    recorded.recorder.mark(mark("begin", 1, "gone"))
    recorded.recorder.mark(mark("end", 2, "gone"))
    assert recorded.values("gauntlet_fault_active", "fault", "kind") == {("gone", "kill"): 0}


def test_one_phase_is_current_and_steps_of_the_boot_are_none():
    recorded = Recorded()
    for name in ("booting the full stack", "ramp", "steady"):
        recorded.recorder.phase(name)
    phases = recorded.values("gauntlet_run_phase", "phase")
    assert [name for name, value in phases.items() if value] == [("steady",)]


def test_people_see_all_that_they_see_without_the_exporter():
    recorded = Recorded()
    with recorded.recorder as view:
        view.note("a note")
        view.phase("ramp")
        view.fault(step("effective"))
        view.expect(30.0, at_most=True)
        view.mark(mark("begin", 1))
        view.tick(json.loads(json.dumps(row())), 1.0)
    for text in ("a note", "== ramp", "fault gone", "fault reboot: begin", "connections"):
        assert text in recorded.shown.getvalue()
