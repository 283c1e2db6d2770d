"""What a run directory says about its level."""

import pytest

from gauntlet.campaigns.capacity import reading
from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import write_json

from . import run_directories
from .run_directories import make, result, write_rows

LOST = {"id": "lost-acked", "required": True, "verdict": "invalid", "count": 3}


def audit(status):
    return {"status": status, "sentence": "The engine used 97 % of a core."}


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [("pass", 0, "held"), ("fail", 1, "failed"), ("inconclusive", 5, "refused")],
)
def test_a_level_holds_if_its_run_passed(status, code, outcome):
    found, reason = reading.verdict(result(status, code))
    assert found == outcome
    assert reason == ("" if outcome == "held" else "It was so.")


@pytest.mark.parametrize(
    "status", ["generator-limited", "proxy-limited", "machine-saturated", "not-recorded"]
)
@pytest.mark.parametrize("code", [0, 1, 5])
def test_a_level_at_which_the_generator_was_the_limit_proves_nothing(status, code):
    found, reason = reading.verdict(result(code=code, self_audit=audit(status)))
    assert found == "refused"
    assert reason == f"The numbers are {status}: The engine used 97 % of a core."


def test_a_lost_message_counts_even_if_the_machine_was_saturated():
    broken = result("fail", 1, checks=[LOST], self_audit=audit("machine-saturated"))
    found, reason = reading.verdict(broken)
    assert found == "failed"
    assert reason.startswith("Violated: lost-acked.")


def test_a_check_that_is_not_required_fails_nothing():
    assert reading.verdict(result(checks=[{**LOST, "required": False}]))[0] == "held"


def test_counts_are_those_of_the_steady_load(tmp_path):
    found = reading.judge(make(tmp_path / "run"), "steady")
    assert found.measured == {"message": 50, "delivery": 100, "handshake": 3, "connection": 40}


def test_use_is_that_of_the_seconds_in_which_the_load_was_steady(tmp_path):
    found = reading.judge(make(tmp_path / "run"), "steady").use
    assert found["edge-1/cpu_s"] == pytest.approx(0.12)
    assert found["message-1/cpu_s"] == pytest.approx(0.2)
    assert found["edge-1/memory_bytes"] == 5e7
    assert found["messages-db/database_bytes"] == pytest.approx(15_000)


def test_traffic_of_a_process_with_a_database_is_not_known(tmp_path):
    found = reading.judge(make(tmp_path / "run"), "steady").use
    assert found["edge-1/network_bytes"] == pytest.approx(9e4)
    assert "message-1/network_bytes" not in found


def test_during_n_minus_1_only_the_time_with_one_component_less_counts(tmp_path):
    down = {"name": "fault:n-1", "from_s": 1.0, "to_s": 6.0, "without": [], "unknown": ""}
    plain = result()
    plain["windows"].append(down)
    rows = [
        {**run_directories.vitals(second), "component_cores": {"edge-1": 1.0 * (second > 6)}}
        for second in range(1, 13)
    ]
    found = reading.judge(make(tmp_path / "run", plain, rows), "n-1")
    assert found.use["edge-1/cpu_s"] == 0


def test_a_run_that_was_too_short_has_no_figures(tmp_path):
    plain = result()
    plain["series"]["sent"] = [0, 0, 50, 50, *[0] * 8]
    found = reading.judge(make(tmp_path / "run", plain), "steady")
    assert (found.measured, found.use) == ({}, {})


def test_exported_metrics_count_like_those_of_the_run(tmp_path):
    run = make(tmp_path / "run")
    rows = [
        {
            "t_ns": run_directories.ZERO_NS + second * 10**9,
            "kind": "metrics",
            "component_cores": {"server": 0.4},
        }
        for second in (4, 6, 8)
    ]
    write_rows(run, "metrics", rows)
    assert reading.judge(run, "steady").use["server/cpu_s"] == pytest.approx(0.4)


def test_rows_of_an_older_version_have_no_use_of_components(tmp_path):
    rows = [{"t_ns": run_directories.ZERO_NS + 4 * 10**9, "kind": "vitals", "cores": {}}]
    assert reading.judge(make(tmp_path / "run", rows=rows), "steady").use == {}


@pytest.mark.parametrize("key", ["verdict", "windows", "checks"])
def test_a_damaged_result_is_an_error(tmp_path, key):
    run = make(tmp_path / "run")
    write_json(run.result, {**result(), key: [3]})
    with pytest.raises(HistoryError):
        reading.judge(run, "steady")


def test_the_hash_is_that_of_the_result(tmp_path):
    run = make(tmp_path / "run")
    before = reading.provenance(run)
    write_json(run.result, result("fail", 1))
    assert before.directory == str(run.path)
    assert reading.provenance(run).sha256 != before.sha256
