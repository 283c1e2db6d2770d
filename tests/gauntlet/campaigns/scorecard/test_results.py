"""What a trial's record takes from the result and the logs of its run."""

from gauntlet.campaigns.scorecard.results import MARK, acted, record_of
from gauntlet.campaigns.scorecard.trials import Trial

from .example import subject

CHECKS = [
    {"id": "late", "witnesses": []},
    {"id": "wire-order", "witnesses": [{"at_s": 9.5}, {"at_s": 4.0}, {"at_s": None}]},
]


def result(*reasons, status="fail"):
    """Return the parts of a result that are read."""
    verdict = {"status": status, "reasons": list(reasons)}
    return {"verdict": verdict, "checks": CHECKS, "objectives": [{"id": "p99"}]}


def test_the_first_reason_has_its_name_and_the_time_of_its_earliest_witness():
    found = record_of(Trial(subject(), 7), result("wire-order: a: b.", "p99: slow."), "abc", 1.234)
    assert (found.first, found.reasons, found.detected_s) == (
        "wire-order",
        ["wire-order", "p99"],
        4.0,
    )
    assert (found.seed, found.seconds, found.commit) == (7, 1.23, "abc")


def test_a_reason_without_a_check_has_no_name():
    found = record_of(Trial(subject(), 1), result("The harness failed: a."), "abc", 1)
    assert (found.first, found.reasons, found.detected_s) == ("", [], None)


def test_too_few_acknowledgements_have_a_name():
    found = record_of(Trial(subject(), 1), result("acked-floor: only 3 of 9 ops."), "abc", 1)
    assert (found.first, found.reasons, found.detected_s) == ("acked-floor", ["acked-floor"], None)


def test_a_run_without_reasons_has_none():
    found = record_of(Trial(subject(), 1), result(status="pass"), "abc", 1)
    assert (found.first, found.sentence) == ("", "")


def test_a_bug_that_reports_has_acted_only_if_a_log_says_so(tmp_path):
    bug, log = tmp_path / "bug.py", tmp_path / "edge.log"
    bug.write_text(f"# {MARK}")
    log.write_text("nothing")
    assert acted(tmp_path, bug) is False
    log.write_text(f"INFO {MARK}: dropped")
    assert acted(tmp_path, bug) is True
    bug.write_text("# silent")
    assert acted(tmp_path, bug) is None
