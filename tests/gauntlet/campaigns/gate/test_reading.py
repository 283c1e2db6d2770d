"""What a gate reads of a run, and of results that are damaged."""

import copy
import hashlib
import json

import pytest

from gauntlet.campaigns.gate import reading
from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir, write_json

RESULT = {
    "schema_version": 1,
    "run": {"scenario": "steady", "seed": 1, "stack": "embedded", "adapter": "reference"},
    "verdict": {"status": "pass", "exit_code": 0, "reasons": []},
    "counts": {"acked": 200},
    "checks": [
        {"id": "lost-acked", "verdict": "valid", "required": True, "sentence": "ok", "count": 0}
    ],
    "objectives": [
        {
            "id": "p99", "window": "steady", "severity": "warn", "verdict": "unknown",
            "sentence": "few", "value": 3.5, "target": 5, "op": "<", "indicator": "exit_p99_ms",
        }
    ],
    "guards": [{"condition": "lost-acked", "fired": True, "sentence": "stopped"}],
    "faults": [
        {
            "id": "crash", "requested_at_s": 6, "healed_at_s": 8, "exposed": True,
            "recovery_ms": 1500.0, "recovery_unknown": "", "failed": "",
        }
    ],
    "windows": [{"name": "steady", "from_s": 1, "to_s": 4, "without": []}],
    "latency": {
        kind: {
            "steady": {
                "p50": 2.0, "p90": 3.0, "p95": 3.0, "p99": 4.0, "p999": 9.0, "max": 9.0,
                "samples": 200, "at_least": ["p90"],
            }
        }
        for kind in ("ack", "delivery", "lag")
    },
    "series": {"second": [0, 1, 2, 3, 4], "acked": [9, 20, 22, 24, 9]},
    "self_audit": {"status": "trustworthy"},
}  # fmt: skip


@pytest.fixture
def make(tmp_path):
    """Write a run directory whose result is changed by a function."""

    def make(change=lambda _result: None):
        run = RunDir.make(tmp_path / "run")
        result = copy.deepcopy(RESULT)
        change(result)
        run.result.write_text(json.dumps(result))
        write_json(run.manifest, {"schema_version": 1, "scenario": {"load": {}}, "machine": {}})
        return run

    return make


def test_checks_objectives_guards_and_faults_are_cases():
    found = [(case.group, case.name, case.verdict, case.required) for case in reading.cases(RESULT)]
    assert found == [
        ("checks", "lost-acked", "valid", True),
        ("objectives", "p99 (steady)", "unknown", False),
        ("guards", "guards[0] lost-acked", "invalid", True),
        ("faults", "crash", "valid", False),
    ]


def test_each_case_knows_its_place_in_the_report_of_the_run():
    checks = [{**RESULT["checks"][0], "witnesses": witnesses} for witnesses in ([], [{}])]
    found = [case.anchor for case in reading.cases({**RESULT, "checks": checks})]
    assert found == [
        "check-lost-acked", "evidence-lost-acked", "objective-p99", "guard-0", "fault-crash",
    ]  # fmt: skip


MANIFEST = {
    "schema_version": 1,
    "scenario": {"target": {"adapter": "reference", "stack": "embedded", "layout": "split"}},
    "versions": {"im-gauntlet": "0.1.0"},
    "commit": "0123",
    "bug": "no_fsync",
    "stack": {"name": "embedded"},
}


def test_the_system_of_a_run_is_that_of_its_manifest(make):
    run = make()
    write_json(run.manifest, MANIFEST)
    own = "im-gauntlet 0.1.0, commit 0123"
    assert reading.system(run) == {
        "adapter": "reference",
        "stack": "embedded",
        "layout": "split",
        "server": own,
        "seeded bug": "no_fsync",
        "harness": own,
    }


def test_another_installation_and_an_address_are_named(make):
    run = make()
    server = {"python": "/old/bin/python", "version": "0.0.9"}
    write_json(run.manifest, {**MANIFEST, "stack": {"name": "embedded", "server": server}})
    assert reading.system(run)["server"] == "im-gauntlet 0.0.9 of /old/bin/python"
    target = {"adapter": "mqtt", "stack": "external", "url": ["mqtt://a:1", "mqtt://b:1"]}
    write_json(run.manifest, {**MANIFEST, "commit": None, "scenario": {"target": target}})
    found = reading.system(run)
    assert found["address"] == "mqtt://a:1, mqtt://b:1"
    assert "server" not in found
    assert found["harness"] == "im-gauntlet 0.1.0"


@pytest.mark.parametrize(
    "manifest",
    [{}, {"scenario": []}, {"scenario": {"target": {"stack": "full"}}}, {"scenario": {}, "bug": 1}],
)
def test_a_damaged_manifest_is_an_error_or_says_less(make, manifest):
    run = make()
    write_json(run.manifest, {"schema_version": 1, **manifest})
    try:
        found = reading.system(run)
    except HistoryError:
        return
    assert all(isinstance(value, str) for value in found.values())


def test_the_digest_of_a_run_is_that_of_its_result(make):
    run = make()
    assert reading.digest(run) == hashlib.sha256(run.result.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"failed": "no proof"}, "invalid", "failed"),
        ({"healed_at_s": None}, "invalid", "not healed"),
        ({"exposed": False}, "unknown", "met no traffic"),
        ({"recovery_ms": "inf"}, "invalid", "did not recover"),
        ({"recovery_ms": None, "recovery_unknown": "ended"}, "unknown", "is unknown: ended"),
        ({}, "valid", "within 1.50 s"),
    ],
)
def test_a_fault_is_valid_only_if_the_system_recovered(changes, verdict, words):
    fault = {**RESULT["faults"][0], **changes}
    case = reading.cases({**RESULT, "faults": [fault]})[-1]
    assert case.verdict == verdict
    assert words in case.sentence


@pytest.mark.parametrize("key", ["checks", "objectives", "faults"])
def test_a_result_of_another_form_is_refused(key):
    for value in (5, [5], [{}], [{"id": "x", "verdict": "green"}]):
        with pytest.raises(HistoryError, match="another form"):
            reading.cases({**RESULT, key: value})


def test_half_a_character_becomes_a_question_mark():
    check = {**RESULT["checks"][0], "sentence": "a\ud800"}
    assert reading.cases({**RESULT, "checks": [check]})[0].sentence == "a?"


def test_figures_are_those_that_rest_on_enough_samples(make):
    values, unusable = reading.values(make())
    assert unusable == ""
    assert values["delivery_p50_ms@steady"] == 2.0
    assert values["ack_p99_ms@steady"] == 4.0
    assert values["acked_per_s@steady"] == 22.0
    assert values["exit_p99_ms@steady"] == 3.5
    assert "delivery_p90_ms@steady" not in values  # a lower bound
    assert "delivery_p999_ms@steady" not in values  # needs 1,000 samples


def _status(result):
    result["verdict"]["status"] = "error"


def _saturated(result):
    result["self_audit"]["status"] = "machine-saturated"


def _version(result):
    result["schema_version"] = 9


def _damaged(result):
    result["latency"]["ack"]["steady"]["samples"] = "many"


def _no_counts(result):
    result["latency"] = {}
    result["counts"] = {}
    result["series"] = {}
    result["objectives"] = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_status, "ended as error"),
        (_saturated, "the numbers are machine-saturated"),
        (_version, "schema_version"),
        (_damaged, "another form"),
        (_no_counts, "no figures"),
    ],
)
def test_a_run_that_cannot_be_compared_says_why(make, change, words):
    values, unusable = reading.values(make(change))
    assert values == {}
    assert words in unusable


def test_endless_and_missing_values_are_no_figures_and_zero_is_one(make):
    def change(result):
        result["latency"]["ack"]["steady"].update(p50=0, p90="inf", p99=None)

    values, _ = reading.values(make(change))
    assert values["ack_p50_ms@steady"] == 0
    assert not [name for name in values if "ack_p9" in name and "p95" not in name]
