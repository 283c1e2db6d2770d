"""Whether the numbers can be trusted, judged from what the run recorded about the harness."""

from pathlib import Path

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.reports.history.events import Events
from gauntlet.reports.metrics import harness_health
from gauntlet.reports.render import summary
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.render.sections.self_audit import ANSWERS, NAMES, context
from gauntlet.reports.verdict import harness_health_text

SECOND = 1_000_000_000
TIMES = Events({"ramp": 0, "steady": 2 * SECOND, "quiesce": 13 * SECOND}, (), (), (), "", "")
MACHINE = {"lag_budget_ms": 10.0, "lag_p99_ms": 2.0, "proxy": "embedded"}
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "run-directory.md"


def live(worker=0, **changed):
    """Return rows of a worker far from its limits, from the first second until after the load."""
    row = {
        "worker": worker,
        "loop_lag_p99_ms": 1.0,
        "loop_lag_max_ms": 3.0,
        "engine_cpu_share": 0.3,
        "process_cpu_share": 0.35,
        "gc_pause_max_ms": 0.5,
        "rss_bytes": 50 * 2**20,
        "descriptors": 120,
        "descriptors_max": 20_000,
        "machine_cpu_share": 0.7,
        "boot": "here",
        **changed,
    }
    return [{"t_ns": second * SECOND, **row} for second in range(20)]


def vitals(**changed):
    """Return rows of a machine far from its limits."""
    cores = {"load": 0.4, "stack": 0.8, "conductor": 0.02, "proxy-clients": 0.1}
    row = {
        "kind": "vitals",
        "machine_cpu_share": 0.7,
        "cpus": 4,
        "boot": "here",
        "cores": {**cores, **changed.pop("cores", {})},
        "storage_wait_share": 0.02,
        "stolen_cpu_share": 0.0,
        "tcp_in_use": 300,
        "tcp_time_wait": 20,
        **changed,
    }
    return [{"t_ns": second * SECOND, **row} for second in range(20)]


def audited(rows=None, events=None, **machine):
    """Return the self-audit, and its figures by id."""
    machine = {**MACHINE, **machine}
    observed = harness_health.Observed(
        live() if rows is None else rows,
        vitals() if events is None else events,
        machine["proxy"],
        machine["lag_budget_ms"],
    )
    health = harness_health.assess(TIMES, observed, machine["lag_p99_ms"])
    found = harness_health_text.self_audit(health)
    return found, {figure["id"]: figure for figure in found["figures"]}


def test_a_harness_far_from_its_limits_is_trustworthy():
    found, figures = audited()
    assert (found["status"], found["limits"]) == ("trustworthy", [])
    assert "2 ms late" in found["sentence"]
    assert {figure["state"] for figure in figures.values()} == {"ok", "info"}
    assert figures["others"]["typical"] == pytest.approx(4 * 0.7 - 1.32)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ({"lag_p99_ms": 14.0}, "14 ms late"),
        ({"rows": live(loop_lag_p99_ms=11.0)}, "event loop ran 11 ms late"),
        ({"rows": live(engine_cpu_share=0.97)}, "engine used 97 %"),
        ({"rows": live(descriptors=20_001)}, "20,001 of 20,000 descriptors"),
        ({"events": vitals(cores={"load": 0.95, "load-children": 1.0})}, "master used 0.95"),
    ],
)
def test_a_generator_at_its_limit_is_reported_with_the_figure(case, sentence):
    found, _ = audited(**case)
    assert found["status"] == "generator-limited"
    assert sentence in found["sentence"]


@pytest.mark.parametrize(
    ("stalled", "sentence"),
    [
        ({"storage_wait_share": 0.97}, "waited for storage 97 % of the time"),
        ({"stolen_cpu_share": 0.6}, "the host took 60 % of the machine's CPU"),
    ],
)
def test_one_stalled_second_is_reported_but_is_no_limit(stalled, sentence):
    rows = vitals()
    rows[7].update(stalled)
    found, _ = audited(events=rows)
    assert (found["status"], found["limits"]) == ("trustworthy", [])
    assert sentence in found["sentence"]
    assert "worst second" not in audited()[0]["sentence"]


def test_missed_arrivals_are_reported_but_are_no_limit_of_the_generator():
    """A system that is down has no users who could send."""
    found, figures = audited(live(missed=7))
    assert found["status"] == "trustworthy"
    assert figures["missed-arrivals"]["state"] == "near"
    assert figures["missed-arrivals"]["worst"] == 7


def test_a_proxy_is_compared_with_the_cores_that_it_can_use():
    """The embedded proxy has one core; toxiproxy-server has all of them."""
    busy = vitals(cores={"proxy-clients": 0.95})
    assert audited(events=busy)[0]["status"] == "proxy-limited"
    assert "proxy-clients used 0.95 cores" in audited(events=busy)[0]["sentence"]
    assert audited(events=busy, proxy="toxiproxy 2.12.0")[0]["status"] == "trustworthy"


def test_a_saturated_machine_is_reported_with_what_used_it():
    found, _ = audited(events=vitals(machine_cpu_share=0.99))
    assert found["status"] == "machine-saturated"
    assert "0.80 cores" in found["sentence"]
    assert "outside this run used 2.64 cores" in found["sentence"]


def test_the_generator_is_reported_before_the_machine():
    """Both limits are reported, but a late generator cannot measure what else was late."""
    found, _ = audited(lag_p99_ms=20.0, events=vitals(machine_cpu_share=1.0))
    assert found["limits"] == ["generator-limited", "machine-saturated"]
    assert "saturated" in found["sentence"]


def test_one_late_second_is_no_limit():
    rows = live()
    rows[8].update(loop_lag_p99_ms=400.0, loop_lag_max_ms=500.0)
    found, figures = audited(rows)
    assert found["status"] == "trustworthy"
    assert figures["loop-lag"]["worst"] == 500.0


def test_only_the_seconds_in_which_messages_were_sent_count():
    """Neither the start of the process nor the audit is part of the load."""
    rows = live()
    for row in (*rows[:3], *rows[14:]):
        row["engine_cpu_share"] = 1.0
    assert audited(rows)[0]["status"] == "trustworthy"


def test_the_worst_of_several_workers_is_reported():
    found, figures = audited([*live(0), *live(1, engine_cpu_share=0.95)])
    assert found["status"] == "generator-limited"
    assert figures["engine-cpu"]["of"] == "worker 1"


def test_the_machine_of_a_worker_is_judged_too():
    other_host = live(1, boot="away", machine_cpu_share=1.0)
    found, figures = audited([*live(0, machine_cpu_share=1.0), *other_host])
    assert found["status"] == "generator-limited"
    assert "the machine of a worker was 100 % busy" in found["sentence"]
    assert figures["worker-machine"]["of"] == "of worker 1"


def test_a_run_without_such_records_is_not_recorded():
    """Runs of older versions have none."""
    old = [{"t_ns": second * SECOND, "worker": 0} for second in range(20)]
    found, _ = audited(old, [])
    assert found["status"] == "not-recorded"
    assert found["figures"] == []


def test_the_history_alone_shows_a_late_generator():
    found, figures = audited([], [], lag_p99_ms=14.0)
    assert (found["status"], set(figures)) == ("generator-limited", {"send-lag"})
    assert found["sentence"].startswith("The load generator was at its limit: sends left 14 ms")


def test_the_section_begins_with_the_answer_and_the_exceeded_limit():
    found, _ = audited(events=vitals(machine_cpu_share=0.99))
    section = context(Page({"self_audit": found}, {}))
    assert section["answer"] == "Not the latencies"
    assert section["rows"][0]["name"] == "whole machine busy"
    assert section["rows"][0]["bar"] == 100
    assert any(figure["name"] == "other processes" for figure in section["others"])


def test_the_summary_contains_the_self_audit(judged):
    line = next(row for row in summary.document(judged(good_story(1))).split("\n") if "Numb" in row)
    assert line.startswith("Numbers: **not-recorded**. Not recorded: ")


def test_a_result_without_a_self_audit_has_no_section():
    """Results of older versions have none."""
    assert context(Page({}, {})) is None


def test_every_status_and_figure_has_a_name_and_is_documented():
    events = vitals(cores={"load-children": 0.5, "proxy-backends": 0.1})
    _, figures = audited([*live(missed=0), *live(1, boot="away")], events)
    assert set(figures) == set(NAMES)
    assert set(ANSWERS) == {
        harness_health.TRUSTED,
        harness_health.UNRECORDED,
        *harness_health.LIMITS,
    }
    text = DOCS.read_text()
    assert all(f"`{name}`" in text for name in (*figures, *ANSWERS))
