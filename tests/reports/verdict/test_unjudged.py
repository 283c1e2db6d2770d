"""Which checks of an imported history may be unknown."""

import pytest

from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.verdict.unjudged import Unjudged, caveats, downgrade, excused, of_manifest

MAY_EXCUSE = Unjudged({}, may_excuse=True)


def verdict(check, outcome, **more):
    return Verdict(check, outcome, f"{check} is {outcome}.", 0, 0, (), **more)


VALID = verdict("phantom", Outcome.VALID)
INVALID = verdict("duplicate", Outcome.INVALID)
UNKNOWN = verdict("undelivered", Outcome.UNKNOWN)
NEEDED = {"phantom", "duplicate", "undelivered"}


@pytest.mark.parametrize(
    ("verdicts", "required", "unjudged", "expected"),
    [
        ([VALID, UNKNOWN], NEEDED, MAY_EXCUSE, [UNKNOWN]),
        ([INVALID, UNKNOWN], NEEDED, MAY_EXCUSE, [UNKNOWN]),
        # The header states what it requires, or the run is one of our own.
        ([VALID, UNKNOWN], NEEDED, Unjudged({}), []),
        # Nothing was judged of what the verdict requires.
        ([UNKNOWN], NEEDED, MAY_EXCUSE, []),
        ([VALID, UNKNOWN], {"undelivered"}, MAY_EXCUSE, []),
        ([verdict("phantom", Outcome.NOT_APPLICABLE), UNKNOWN], NEEDED, MAY_EXCUSE, []),
        # What is not required needs no excuse.
        ([VALID, UNKNOWN], {"phantom"}, MAY_EXCUSE, []),
        ([VALID, verdict("undelivered", Outcome.UNKNOWN, crashed=True)], NEEDED, MAY_EXCUSE, []),
        # A line states that the system has to recover in time.
        (
            [VALID, verdict("unrecovered", Outcome.UNKNOWN)],
            {*NEEDED, "unrecovered"},
            MAY_EXCUSE,
            [],
        ),
    ],
)
def test_an_unknown_check_is_excused_if_others_were_judged(verdicts, required, unjudged, expected):
    assert excused(verdicts, required, unjudged) == expected


@pytest.mark.parametrize(
    ("imported", "expected"),
    [
        ({}, Unjudged({})),
        ({"imported": {"unjudged": {"late": "x"}}}, Unjudged({"late": "x"})),
        ({"imported": {"requires": "stated"}}, Unjudged({})),
        ({"imported": {"requires": "judged"}}, MAY_EXCUSE),
    ],
)
def test_a_manifest_says_what_may_be_unknown(imported, expected):
    assert of_manifest(imported) == expected


def test_checks_without_evidence_are_unknown():
    downgraded, kept = downgrade([INVALID, VALID], {"duplicate": "no line has a key"})
    assert (downgraded.outcome, downgraded.count) == (Outcome.UNKNOWN, 0)
    assert downgraded.sentence == "Not judged: no line has a key."
    assert kept == VALID


def test_caveats_name_what_is_missing_once():
    missing = {"position": "no key", "realtime": "no key", "unrecovered": "no fault"}
    assert list(caveats(missing, [UNKNOWN])) == [
        "Not judged (position, realtime): no key.",
        "Not judged (undelivered): undelivered is unknown.",
    ]
