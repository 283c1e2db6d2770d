"""Every record that a run directory can hold has words, however unusual its fields are."""

import itertools

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.history import Contact, Flag, Kind, ProbeResult, Relation
from gauntlet.core.run_directory import ACCOUNTS_FROM
from gauntlet.reports.verdict import evidence
from gauntlet.reports.witness import wording

from ..loading import history_of

FLAGS = [0, *Flag, *(a | b for a, b in itertools.combinations(Flag, 2)), sum(Flag) | 3]
NUMBERS = (0, 1, 5, 60_000)


@pytest.fixture(scope="module")
def history():
    return history_of(good_story(1))


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
def test_a_record_of_every_kind_with_any_flags_has_words(history, kind):
    """Combinations that no correct server causes, such as a room event for a stranger, count."""
    row = history.records[:1]
    for flags, number in itertools.product(FLAGS, NUMBERS):
        row["kind"], row["flags"] = kind, flags
        row["sseq"] = row["spare"] = number
        assert wording.record(history, 0)
        assert wording.what(history.records[0])
        assert evidence._record(history, 0)["event"]


def test_a_room_event_that_reached_a_stranger_says_so(history):
    row = history.records[:1]
    row["kind"], row["flags"], row["sseq"], row["seq"] = Kind.STRAY, Flag.ROOM_EVENT, 4, 7
    assert "exited at position 7, pushed to a stranger" in wording.record(history, 0)


@pytest.mark.parametrize(
    ("last", "words"),
    [(7, "position 7 is announced as a gap"), (9, "positions 7 to 9 are announced as a gap")],
)
def test_a_gap_of_one_position_is_not_written_as_a_range(history, last, words):
    row = history.records[:1]
    row["kind"], row["flags"], row["seq"], row["sseq"] = Kind.GAP, 0, 7, last
    assert words in wording.record(history, 0)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (
            Kind.CONTACT,
            {"seq": Contact.BLOCK, "spare": ProbeResult.GRANTED},
            "b0-0 blocks b0-1: granted",
        ),
        (
            Kind.CONTACT_LIST,
            {"seq": Relation.FRIEND | Relation.UNRELATED},
            "the lists of b0-0 have b0-1 among the friends, and name other accounts",
        ),
        (Kind.CONTACT_LIST, {"seq": 0}, "the lists of b0-0 have b0-1 nowhere"),
    ],
)
def test_what_accounts_outside_the_load_did_has_their_names(history, kind, fields, words):
    row = history.records[:1]
    row["kind"], row["flags"] = kind, 0
    row["peer"], row["sseq"] = ACCOUNTS_FROM, ACCOUNTS_FROM + 1
    for field, value in fields.items():
        row[field] = value
    assert wording.record(history, 0) == words


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (0, "the history has message 7 of b0-0"),
        (ProbeResult.REFUSED, "b0-0 sends message 7, a sticker: refused"),
        (ProbeResult.UNKNOWN, "b0-0 sends message 7, a sticker: no answer"),
    ],
)
def test_a_sticker_is_sent_or_read(history, result, words):
    row = history.records[:1]
    row["kind"], row["flags"] = Kind.STICKER, 0
    row["peer"], row["sseq"], row["spare"] = ACCOUNTS_FROM, 7, result
    assert wording.record(history, 0) == words
