"""The resiliency score."""

from gauntlet.campaigns.gate import score

from .example import case, run


def test_every_line_says_in_how_many_runs_a_promise_was_kept():
    good = (case(), case("crash", group="faults"), case("p99", group="objectives"))
    bad = (
        case(verdict="invalid"),
        case("crash", "unknown", "faults"),
        case("p99", group="objectives"),
    )
    found = score.lines([run(cases=good), run(number=2, cases=bad)])
    assert [(line.promise, line.kept, line.runs, line.points) for line in found] == [
        ("all required checks are valid", 1, 2, 5.0),
        ("all required objectives are met", 2, 2, 3.0),
        ("the system recovers from crash", 1, 2, 2.5),
    ]
    assert score.total(found) == 100 * 10.5 / 18


def test_what_is_not_required_costs_nothing():
    cases = (case(), case("late", "invalid", required=False), case("exit", "not-applicable"))
    assert score.total(score.lines([run(cases=cases)])) == 100


def test_a_run_without_a_result_kept_no_promise():
    found = score.lines([run(), run(number=2, cases=())])
    assert [(line.kept, line.runs) for line in found] == [(1, 2)]


def test_references_and_repeated_runs_do_not_count():
    others = [run("reference", cases=(case(verdict="invalid"),)), run(number=2, set_aside=True)]
    assert score.total(score.lines([run(), *others])) == 100
    assert score.lines([run()])[0].runs == 1


def test_nothing_promised_has_no_score():
    assert score.total(score.lines([])) is None
