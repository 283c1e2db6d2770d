"""Whether the numbers can be trusted is judged from what the run recorded of itself."""

from pathlib import Path

import pytest

from gauntlet.reports.history.events import Events
from gauntlet.reports.metrics import harness_health
from gauntlet.reports.render import summary
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.render.sections.self_audit import ANSWERS, NAMES, context
from gauntlet.reports.verdict import harness_health_text

from ..histories import good_story

SECOND = 1_000_000_000
TIMES = Events({"ramp": 0, "steady": 2 * SECOND, "quiesce": 13 * SECOND}, (), (), (), "", "")
MACHINE = {"lag_budget_ms": 10.0, "lag_p99_ms": 2.0, "proxy": "embedded"}
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "run-directory.md"


def live(worker=0, **changed):
    """Rows of a worker at ease, from the first second to long after the load."""
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
    """Rows of a machine with room to spare."""
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
    """The audit, and its figures by id."""
    health = harness_health.assess(
        live() if rows is None else rows,
        vitals() if events is None else events,
        TIMES,
        {**MACHINE, **machine},
    )
    found = harness_health_text.self_audit(health)
    return found, {figure["id"]: figure for figure in found["figures"]}


def test_a_harness_with_room_to_spare_is_trusted():
    """Nothing near a limit: the numbers are the system's."""
    found, figures = audited()
    assert (found["status"], found["limits"]) == ("trustworthy", [])
    assert "2 ms late" in found["sentence"]
    assert {figure["state"] for figure in figures.values()} == {"ok", "info"}
    assert figures["others"]["typical"] == pytest.approx(4 * 0.7 - 1.32)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"lag_p99_ms": 14.0}, "14 ms late"),
        ({"rows": live(loop_lag_p99_ms=11.0)}, "event loop ran 11 ms late"),
        ({"rows": live(engine_cpu_share=0.97)}, "engine used 97 %"),
        ({"rows": live(descriptors=20_001)}, "20,001 of 20,000 descriptors"),
        ({"events": vitals(cores={"load": 0.95, "load-children": 1.0})}, "master used 0.95"),
    ],
)
def test_a_generator_at_its_limit_is_named_with_the_figure(case, told):
    """A late, busy or full generator says that latencies may be its own."""
    found, _ = audited(**case)
    assert found["status"] == "generator-limited"
    assert told in found["sentence"]


@pytest.mark.parametrize(
    ("stalled", "told"),
    [
        ({"storage_wait_share": 0.97}, "waited for storage 97 % of the time"),
        ({"stolen_cpu_share": 0.6}, "the host took 60 % of the machine's CPU"),
    ],
)
def test_one_second_of_a_machine_that_stood_still_is_told(stalled, told):
    """A disk or host that stops everybody once is no limit, but the reader learns of it."""
    rows = vitals()
    rows[7].update(stalled)
    found, _ = audited(events=rows)
    assert (found["status"], found["limits"]) == ("trustworthy", [])
    assert told in found["sentence"]
    assert "worst second" not in audited()[0]["sentence"]


def test_missed_arrivals_are_a_figure_and_nobody_is_blamed():
    """A system that is down has nobody who could send: that is no limit of the generator."""
    found, figures = audited(live(missed=7))
    assert found["status"] == "trustworthy"
    assert figures["missed-arrivals"]["state"] == "near"
    assert figures["missed-arrivals"]["worst"] == 7


def test_a_busy_proxy_is_named_and_judged_by_what_it_can_use():
    """The embedded proxy has one core; toxiproxy-server has them all."""
    busy = vitals(cores={"proxy-clients": 0.95})
    assert audited(events=busy)[0]["status"] == "proxy-limited"
    assert "proxy-clients used 0.95 cores" in audited(events=busy)[0]["sentence"]
    assert audited(events=busy, proxy="toxiproxy 2.12.0")[0]["status"] == "trustworthy"


def test_a_saturated_machine_is_told_with_who_used_it():
    """A reader learns whether the stack or somebody else took the cores."""
    found, _ = audited(events=vitals(machine_cpu_share=0.99))
    assert found["status"] == "machine-saturated"
    assert "0.80 cores" in found["sentence"]
    assert "outside this run used 2.64 cores" in found["sentence"]


def test_the_generator_is_blamed_before_the_machine():
    """Both limits are told; who is late himself cannot tell who else was."""
    found, _ = audited(lag_p99_ms=20.0, events=vitals(machine_cpu_share=1.0))
    assert found["limits"] == ["generator-limited", "machine-saturated"]
    assert "saturated" in found["sentence"]


def test_one_late_second_is_no_limit():
    """A pause of a moment is the worst second, not a verdict."""
    rows = live()
    rows[8].update(loop_lag_p99_ms=400.0, loop_lag_max_ms=500.0)
    found, figures = audited(rows)
    assert found["status"] == "trustworthy"
    assert figures["loop-lag"]["worst"] == 500.0


def test_only_the_time_in_which_messages_were_sent_counts():
    """Imports before it and the audit of the store after it are not the load."""
    rows = live()
    for row in (*rows[:3], *rows[14:]):
        row["engine_cpu_share"] = 1.0
    assert audited(rows)[0]["status"] == "trustworthy"


def test_the_worst_of_several_workers_is_told():
    """One worker at its limit cannot hide behind an idle one."""
    found, figures = audited([*live(0), *live(1, engine_cpu_share=0.95)])
    assert found["status"] == "generator-limited"
    assert figures["engine-cpu"]["of"] == "worker 1"


def test_a_workers_own_machine_is_judged_too():
    """A worker whose machine has nothing left is late for reasons that nobody sees here."""
    away = live(1, boot="away", machine_cpu_share=1.0)
    found, figures = audited([*live(0, machine_cpu_share=1.0), *away])
    assert found["status"] == "generator-limited"
    assert "the machine of a worker was 100 % busy" in found["sentence"]
    assert figures["worker-machine"]["of"] == "of worker 1"


def test_a_run_without_records_of_itself_says_so():
    """An older run is judged as ever, and claims nothing."""
    old = [{"t_ns": second * SECOND, "worker": 0} for second in range(20)]
    found, _ = audited(old, [])
    assert found["status"] == "not-recorded"
    assert found["figures"] == []


def test_a_late_generator_needs_no_record_to_be_known():
    """The history alone shows it: objectives are not judged, and "not recorded" is no reason."""
    found, figures = audited([], [], lag_p99_ms=14.0)
    assert (found["status"], set(figures)) == ("generator-limited", {"send-lag"})
    assert found["sentence"].startswith("The load generator was at its limit: sends left 14 ms")


def test_the_section_answers_first_and_shows_offenders_first():
    """An SRE reads the answer, then the row that is at its limit."""
    found, _ = audited(events=vitals(machine_cpu_share=0.99))
    shown = context(Page({"self_audit": found}, {}))
    assert shown["answer"] == "With caution"
    assert shown["rows"][0]["name"] == "whole machine busy"
    assert shown["rows"][0]["bar"] == 100
    assert any(one["name"] == "other processes" for one in shown["others"])


def test_the_summary_says_it_in_a_line(judged):
    """Who reads only the page of the CI job knows it too."""
    line = next(row for row in summary.document(judged(good_story(1))).split("\n") if "Numb" in row)
    assert line.startswith("Numbers: **not-recorded**. Not recorded: ")


def test_a_result_without_an_audit_has_no_section():
    """A result of an older version is still rendered."""
    assert context(Page({}, {})) is None


def test_every_status_and_figure_has_words_and_is_documented():
    """What can be found has a name for readers, and a row in the reference."""
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
