"""What a verdict says, and which of several reasons counts."""

import pytest

from gauntlet.reports.checks.finding import Counted, Finding, judge

SUBJECT = "things"


def finding(statement="{count} of {examined} {subject}.", *, examined=9, **fields):
    return Finding(examined, SUBJECT, statement, **fields)


@pytest.mark.parametrize(
    ("word", "of_one", "of_others"),
    [
        ("{are}", "is", "are"),
        ("{were}", "was", "were"),
        ("{duplicates}", "a duplicate", "duplicates"),
        ("{groups}", "group", "groups"),
        ("{reports}", "report", "reports"),
        ("{pushes}", "push", "pushes"),
        ("{have}", "has", "have"),
        ("{cases}", "case", "cases"),
        ("{messages}", "message", "messages"),
        ("{positions}", "position", "positions"),
    ],
)
def test_words_agree_with_the_number_of_violations(word, of_one, of_others):
    said = {count: finding(word, count=count).describe() for count in (0, 1, 2, 11)}
    assert said == {0: of_others, 1: of_one, 2: of_others, 11: of_others}
    assert [str(Counted(word, count)) for count in (1, 2)] == [of_one, of_others]


def test_large_numbers_have_separators():
    aside = Counted("Of {count}, nothing is known.", 1_234)
    found = finding(examined=12_345, count=6_789, aside=aside)
    assert found.describe() == "6,789 of 12,345 things. Of 1,234, nothing is known."
    assert finding(aside=Counted("Of {count}.", 0)).describe() == "0 of 9 things."


@pytest.mark.parametrize(("examined", "total"), [(0, "0 things"), (1, "1 thing"), (2, "2 things")])
def test_the_subject_agrees_with_its_own_number(examined, total):
    found = finding("{count} of {total}.", examined=examined, count=3, subject_of_one="thing")
    assert found.describe() == f"3 of {total}."


@pytest.mark.parametrize(
    ("examined", "among"), [(0, ""), (1, ", in 1 thing"), (1_234, ", in 1,234 things")]
)
def test_what_was_examined_is_mentioned_only_if_there_was_any(examined, among):
    found = finding("{count} strange{among}.", examined=examined, subject_of_one="thing")
    assert found.describe() == f"0 strange{among}."


@pytest.mark.parametrize(
    ("fields", "outcome", "sentence"),
    [
        ({}, "valid", "0 of 9 things."),
        ({"count": 1}, "invalid", "1 of 9 things."),
        # A violation counts, whatever else is doubtful.
        (
            {"count": 1, "unknown": "U.", "not_applicable": "N.", "nothing_seen": "S."},
            "invalid",
            "1 of 9 things.",
        ),
        ({"not_applicable": "N.", "unknown": "U."}, "not-applicable", "N."),
        ({"unknown": "U.", "nothing_seen": "S."}, "unknown", "S."),
        ({"unknown": "U.", "doubts": (Counted("{count} D.", 2),)}, "unknown", "U."),
        (
            {"doubts": (Counted("{count} C.", 0), Counted("{count} D.", 2), Counted("E.", 1))},
            "unknown",
            "2 D.",
        ),
        ({"doubts": (Counted("{count} C.", 0),)}, "valid", "0 of 9 things."),
        ({"examined": 0}, "unknown", "The run has no things, so nothing was examined."),
        (
            {"examined": 3},
            "unknown",
            "The run has too few things: 3, and at least 4 are needed for a verdict.",
        ),
        ({"examined": 4}, "valid", "0 of 4 things."),
    ],
)
def test_the_first_reason_decides(fields, outcome, sentence):
    verdict = judge("check", finding(**fields), examined_min=4)
    assert (verdict.outcome, verdict.sentence) == (outcome, sentence)
    assert (verdict.check, verdict.count) == ("check", fields.get("count", 0))
    assert verdict.examined == fields.get("examined", 9)
