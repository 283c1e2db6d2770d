"""What pages omit is found without positions, and nothing else is taken for an omission."""

import random
from typing import Any

import pytest

from .gap_histories import (
    COMPLETE,
    GAPS,
    a_page_lacks_one_in_the_middle,
    a_page_lacks_one_where_members_are_unknown,
    everything,
    one_complete_page_lacks_one,
    single_messages,
    the_complete_page_of_a_late_member_lacks_one,
    the_last_complete_page_lacks_one,
    the_page_of_a_late_member_lacks_one,
    the_page_of_a_member_who_came_back_lacks_one,
    the_page_of_an_administrator_lacks_one,
    whole,
    without,
)
from .lines import USERS, Rows
from .page_histories import DISORDER, ECHO, SENDS, SEQUENCE, history, sent
from .random_pages import RandomPages
from .test_importing import Imported, outcome, sentence, violated, witness


@pytest.mark.parametrize("make", GAPS, ids=lambda make: make.__name__)
def test_an_omission_is_named_first_and_once(imported: Imported, make):
    result = imported(make())
    assert result["verdict"]["status"] == "fail", result["verdict"]
    assert result["verdict"]["reasons"][0].startswith("history-gap: "), result["verdict"]
    assert "lost-acked" not in violated(result)


@pytest.mark.parametrize("make", COMPLETE, ids=lambda make: make.__name__)
def test_complete_pages_pass(imported: Imported, make):
    result = imported(make())
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]


@pytest.mark.parametrize("make", DISORDER, ids=lambda make: make.__name__)
def test_a_wrong_order_is_no_omission(imported: Imported, make):
    assert "history-gap" not in violated(imported(make()))


def test_the_witness_of_a_complete_page_names_its_reader(imported: Imported):
    result = imported(one_complete_page_lacks_one())
    assert witness(result, "history-gap") == (
        "A complete page that alice read lacks message b2 of bob in team, which had been "
        "acknowledged before the page was requested."
    )
    assert sentence(result, "history-gap") == (
        "1 of 24 messages that pages had to contain is missing."
    )


def test_the_witness_of_another_page_names_the_entries_around(imported: Imported):
    result = imported(a_page_lacks_one_in_the_middle())
    assert witness(result, "history-gap") == (
        "A page that bob read has message a1 of alice in team and message a2 of alice in team, but "
        "lacks message b1 of bob in team, which was sent after the first of these was "
        "acknowledged, and acknowledged before the second one was sent."
    )


def test_the_page_of_an_administrator_has_no_reader(imported: Imported):
    result = imported(the_page_of_an_administrator_lacks_one())
    assert witness(result, "history-gap").startswith("A complete page that an administrator read")


def test_what_no_page_has_is_lost_and_no_omission(imported: Imported):
    kept = without("a2")
    rows = history(*SEQUENCE, *(whole(user, 20, *kept) for user in USERS), **ECHO)
    assert violated(imported(rows)) == {"lost-acked"}


def test_what_only_early_pages_have_is_lost(imported: Imported):
    early = [whole(user, 3.5, *SENDS[:3]) for user in USERS]
    ends = [whole(user, 20 + at, *without("a2")) for at, user in enumerate(USERS)]
    rows = history(*SEQUENCE, *early, *ends, **ECHO)
    assert violated(imported(rows)) == {"lost-acked"}


def test_what_the_store_lacks_is_lost(imported: Imported):
    """The audit is no page, so that no page is to blame."""
    stored = [
        {"kind": "stored", "time": 40, "conversation": "team", "message": message}
        for message in without("a2")
    ]
    audited = {"kind": "audited", "time": 40, "conversation": "team"}
    assert violated(imported(everything(*stored, audited))) == {"lost-acked"}


def test_what_the_last_page_lacks_is_lost_if_omissions_are_not_judged(imported: Imported):
    rows = the_last_complete_page_lacks_one()
    rows[0]["unjudged"] = {"history-gap": "pages are filtered"}
    result = imported(rows)
    assert violated(result) == {"lost-acked"}
    assert sentence(result, "history-gap") == "Not judged: pages are filtered."


def test_pages_need_acknowledgements(imported: Imported):
    sends = [sent(message, at, None) for at, message in enumerate(SENDS, 1)]
    result = imported(everything(sends=sends))
    assert sentence(result, "history-gap") == (
        "Not judged: no line has the key `position`, and there are no acknowledgements with which "
        "a `read` can be compared."
    )


def test_pages_of_which_nothing_can_be_missing_decide_nothing(imported: Imported):
    result = imported(single_messages())
    assert outcome(result, "history-gap") == "not-applicable"


# Lines of members are exported with positions and without times, and what is not known is unsure.
_LESS_IS_KNOWN = {
    a_page_lacks_one_where_members_are_unknown,
    the_complete_page_of_a_late_member_lacks_one,
    the_page_of_a_late_member_lacks_one,
    the_page_of_a_member_who_came_back_lacks_one,
}


@pytest.mark.parametrize("make", [*GAPS, *COMPLETE], ids=lambda make: make.__name__)
def test_an_exported_history_has_the_same_omissions(exported, make):
    before, again = exported(make())
    assert violated(again) <= violated(before)
    if make not in _LESS_IS_KNOWN:
        assert violated(again) == violated(before)


@pytest.mark.parametrize("seed", range(24))
def test_random_pages_lack_nothing_until_one_is_taken_away(imported: Imported, seed):
    made = RandomPages(random.Random(seed))
    result = imported(made.rows())
    assert violated(result) == set(), result["verdict"]["reasons"]
    removed: list[dict[str, Any]] = []
    for page, message in made.owed()[:2]:
        rows: Rows = made.rows(without=(page, message))
        removed.append(imported(rows))
    assert removed
    for result in removed:
        assert violated(result) & {"history-gap", "lost-acked"}
