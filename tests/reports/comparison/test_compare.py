"""A comparison says what differs, by how much, and whether that can come from the system."""

import json
import os

import pytest

from gauntlet.core.errors import ConfigError, GauntletError, HistoryError
from gauntlet.reports.comparison import compare

from .compared_runs import save


def pair_of(*paths):
    (pair,) = compare.compare(compare.load(paths))["comparisons"]
    return pair


def figure(pair, indicator, window="steady"):
    (found,) = (
        each
        for each in pair["differences"]
        if (each["indicator"], each["window"]) == (indicator, window)
    )
    return found


def test_a_slower_run_is_found_with_its_interval(tmp_path):
    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", factor=1.5, seed=1))
    assert pair["comparable"] == "yes"
    for indicator in ("delivery_p50_ms", "delivery_p99_ms", "ack_p99_ms"):
        found = figure(pair, indicator)
        low, high = found["interval"]
        assert 1 < low < found["factor"] < high < 2
        assert found["change"] == "higher"
    assert figure(pair, "acked_per_s")["change"] == "none"
    assert figure(pair, "recovery_ms", "fault:crash")["factor"] == pytest.approx(1.5)
    assert pair["sentences"][0].startswith("delivery_p99_ms in steady load: higher (")


def test_equal_runs_show_no_difference(tmp_path):
    pair = pair_of(save(tmp_path, "a", seed=1), save(tmp_path, "b", seed=2))
    assert {each["change"] for each in pair["differences"]} <= {"none", "unknown"}
    assert "no difference shown" in pair["sentences"][0]


def test_a_dearer_stack_is_found(tmp_path):
    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", cores=0.9))
    assert figure(pair, "stack_cores", "run")["change"] == "higher"
    assert figure(pair, "stack_cores", "run")["lower_is_better"]


def test_each_run_is_compared_with_the_first(tmp_path):
    paths = [save(tmp_path, name, seed=at) for at, name in enumerate("abc")]
    found = compare.compare(compare.load(paths))
    assert [run["name"] for run in found["runs"]] == ["A", "B", "C"]
    assert [(pair["a"], pair["b"]) for pair in found["comparisons"]] == [("A", "B"), ("A", "C")]


SERIOUS = {
    "The scenarios differ": lambda r: r.result["run"].update(scenario="rooms"),
    "The load differs": lambda r: r.manifest["scenario"]["load"].update(rate=80.0),
    "The faults differ": lambda r: r.manifest["scenario"]["faults"].clear(),
    "cores 2 in A, 8 in B": lambda r: r.manifest["machine"].update(cores=8),
    "B is generator-limited": lambda r: r.result["self_audit"].update(status="generator-limited"),
    "B is machine-saturated": lambda r: r.result["self_audit"].update(status="machine-saturated"),
    "B ended as error": lambda r: r.result["verdict"].update(status="error"),
    "B ended as aborted": lambda r: r.result["verdict"].update(status="aborted"),
    "no acknowledged message": lambda r: r.result["counts"].update(acked=0),
}
DOUBTS = {
    "The seeds differ": lambda r: r.result["run"].update(seed=2),
    "system Linux 6 in A, Linux 7 in B": lambda r: r.manifest["machine"].update(system="Linux 7"),
    "cores of the machine in A, and 1.00": lambda r: r.result["self_audit"]["figures"][0].update(
        typical=1.0
    ),
    "im-gauntlet was 0.1.0 in A": lambda r: r.manifest["versions"].update({"im-gauntlet": "0.2.0"}),
    "The load engine was pure in A and compiled in B": lambda r: r.manifest.update(
        engine={"kind": "compiled", "reason": ""}
    ),
    "The reference server was compiled in A and pure in B": lambda r: r.manifest["stack"].update(
        components=[{"name": "edge-1", "build": "pure (not compiled)"}]
    ),
    "B is inconclusive: why": lambda r: r.result["verdict"].update(
        status="inconclusive", reasons=["why"]
    ),
    "only 9 acknowledged": lambda r: r.result["counts"].update(acked=9),
    "no record of how busy": lambda r: r.result.pop("self_audit"),
}


@pytest.mark.parametrize("words", [*SERIOUS, *DOUBTS])
def test_what_stands_against_a_comparison_is_named(tmp_path, words):
    change = {**SERIOUS, **DOUBTS}[words]
    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", change=change))
    (found,) = pair["obstacles"]
    assert words in found["sentence"]
    assert found["serious"] == (words in SERIOUS)
    assert pair["comparable"] == ("no" if words in SERIOUS else "with reservations")


def test_another_target_is_what_is_compared_and_no_obstacle(tmp_path):
    def change(run):
        run.manifest["scenario"]["target"]["stack"] = "full"
        run.manifest["bug"] = "slow-send"

    pair = pair_of(
        save(tmp_path, "a", labelled={"version": "1"}),
        save(tmp_path, "b", change=change, labelled={"version": "2"}),
    )
    assert pair["comparable"] == "yes"
    assert {(each["what"], each["a"], each["b"]) for each in pair["configuration"]} == {
        ("target.stack", "embedded", "full"),
        ("bug", "–", "slow-send"),
        ("label.version", "1", "2"),
    }


def test_a_new_fault_shifts_no_other_in_the_list_of_changes(tmp_path):
    def change(run):
        run.manifest["scenario"]["faults"].insert(0, {"id": "cut", "kind": "partition"})

    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", change=change))
    assert [each["what"] for each in pair["configuration"]] == ["faults.cut"]


def test_verdicts_that_changed_are_listed(tmp_path):
    def change(run):
        run.result["verdict"]["status"] = "fail"
        run.result["checks"][0].update(verdict="invalid", count=3)

    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", change=change))
    assert [tuple(each.values()) for each in pair["verdicts"]] == [
        ("verdict", "pass", "fail"),
        ("lost-acked", "valid", "invalid"),
    ]


def test_bounds_endless_and_few_samples_have_no_interval_and_json_stays_valid(tmp_path):
    def change(run):
        rows = run.result["latency"]["delivery"]["steady"]
        rows["at_least"] = ["p50"]
        rows["p90"] = float("inf")
        run.result["latency"]["ack"]["steady"]["samples"] = 50

    found = compare.compare(compare.load([save(tmp_path, "a"), save(tmp_path, "b", change=change)]))
    (pair,) = found["comparisons"]
    for indicator, reason in (
        ("delivery_p50_ms", "a lower bound"),
        ("delivery_p90_ms", "endless"),
        ("ack_p99_ms", "needs at least 100 samples"),
        ("delivery_max_ms", "a matter of chance"),
    ):
        assert reason in figure(pair, indicator)["unknown"]
        assert figure(pair, indicator)["interval"] is None
    assert figure(pair, "delivery_p90_ms")["b"]["value"] == "inf"
    json.dumps(found, allow_nan=False)


def test_a_run_without_messages_is_compared_as_far_as_possible(tmp_path):
    def change(run):
        run.result.update(counts={}, latency={}, series={}, windows=[], faults=[], checks=[])

    pair = pair_of(save(tmp_path, "a"), save(tmp_path, "b", change=change))
    assert pair["comparable"] == "no"
    assert figure(pair, "acked_per_s")["b"]["value"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.result.update(schema_version=2), "must have schema_version 1; got 2"),
        (lambda r: r.manifest.pop("schema_version"), "must have schema_version 1; got None"),
        (lambda r: r.result.pop("latency"), "must have the key latency"),
        (lambda r: r.result["latency"]["ack"]["steady"].update(p99="fast"), "another form"),
        (lambda r: r.result["series"].update(acked=[1]), "another form"),
        (lambda r: r.result.update(windows=[{"name": "steady"}]), "another form"),
        (lambda r: r.result.update(checks=[{}]), "another form"),
        (lambda r: r.result["run"].pop("seed"), "another form"),
        (lambda r: r.manifest.update(scenario=[]), "another form"),
    ],
)
def test_a_result_of_another_form_is_refused(tmp_path, change, words):
    with pytest.raises(ConfigError, match=words):
        pair_of(save(tmp_path, "a"), save(tmp_path, "b", change=change))


def test_nan_and_damage_are_errors_of_the_history(tmp_path):
    a, b = save(tmp_path, "a"), save(tmp_path, "b")
    (b / "result.json").write_text('{"schema_version": NaN}')
    with pytest.raises(HistoryError, match="NaN"):
        compare.load([a, b])
    (b / "result.json").unlink()
    os.mkfifo(b / "result.json")
    with pytest.raises(GauntletError, match="regular file"):
        compare.load([a, b])


@pytest.mark.parametrize("paths", [["a"], ["a", "a"], ["a", "missing"], ["a", "unjudged"]])
def test_missing_unjudged_and_repeated_runs_are_refused(tmp_path, paths):
    save(tmp_path, "a")
    (save(tmp_path, "unjudged") / "result.json").unlink()
    with pytest.raises(ConfigError):
        compare.load([tmp_path / each for each in paths])
