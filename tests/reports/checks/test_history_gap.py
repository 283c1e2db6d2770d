"""Which positions a page of history must contain, and what is counted together."""

import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, PageFlag, ProbeResult, RoomEvent
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.checks import history_gap

from ..small_runs import SmallRun, ns, sentences
from .gap_runs import OLD, chat
from .test_page_gaps import page as listed_page
from .test_page_gaps import small_run as run_without_positions

ROOM, LATE = 7, 5


def omits(seq, after=0):
    """Return the sentence on a position that a page of user 2 omits."""
    return (
        f"u2 requested c1 after position {after} and received 0 entries, but never position {seq}."
    )


@pytest.mark.parametrize(("beyond", "outcome"), [(0, "valid"), (1, "invalid")])
def test_a_page_must_contain_only_positions_that_its_reader_may_read(
    verdict, good_story, beyond, outcome
):
    """A late member who reads from the beginning receives nothing from before they joined."""
    story = good_story(1)
    (head,) = (story.records[index].seq for index in story.at(Kind.HEAD, conv=ROOM))
    link = next(number for number, link in story.links.items() if link.user == LATE)
    (first,) = (story.records[index].seq for index in story.at(Kind.RANGE, conv=ROOM, peer=LATE))
    story.add(
        Kind.PAGE, 5_025_000_000_000, conv=ROOM, link=link, peer=head - first, sseq=head + beyond
    )
    assert verdict("history-gap", story).outcome == outcome


def test_an_impossible_head_of_a_page_is_one_range_and_no_array(verdict, good_story):
    """Each of its positions as a number of its own would take gigabytes."""
    story = good_story(1)
    (head,) = (story.records[index].seq for index in story.at(Kind.HEAD, conv=1))
    reader = story.convs[1]["members"][0]
    link = next(number for number, link in story.links.items() if link.user == reader)
    far = 4_000_000_000
    story.add(Kind.PAGE, 5_025_000_000_000, conv=1, link=link, peer=0, seq=head, sseq=far)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", far - head)
    assert f"claims to reach position {far:,}" in found.witnesses[0].sentence


@pytest.mark.parametrize(
    ("after", "last", "has", "stored", "omitted"),
    [
        (0, 5, (), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5)),
        (2, 5, (), (1, 2, 3, 4, 5), (3, 4, 5)),
        (4, 5, (), (1, 2, 3, 4, 5), (5,)),
        (5, 5, (), (1, 2, 3, 4, 5), ()),
        (0, 3, (), (1, 2, 3, 4, 5), (1, 2, 3)),
        (1, 4, (3,), (1, 2, 3, 4, 5), (2, 4)),
        (0, 5, (1, 2, 3, 4, 5), (1, 2, 3, 4, 5), ()),
        # The message at position 4 is lost, which another check reports.
        (2, 5, (), (1, 2, 3, 5), (3, 5)),
    ],
)
def test_a_page_contains_what_follows_up_to_its_head(after, last, has, stored, omitted):
    run = chat(5)
    run.audit(1, *stored, head=5)
    for seq in has:
        run.deliver(1, seq, 20, 2, flags=Channel.HISTORY)
    run.page(1, 2, 20, after=after, last=last, entries=0)
    found = run.verdict("history-gap")
    assert sentences(found) == [omits(seq, after) for seq in omitted]
    assert (found.count, found.examined) == (len(omitted), last - after + len(stored))
    for witness, seq in zip(found.witnesses, omitted, strict=True):
        assert (witness.user, witness.messages) == (2, (seq - 1,))


def test_what_a_page_claims_beyond_all_that_is_known_is_missing():
    run = chat(5)
    run.audit(1, 1, 2, 3, 4, 5, head=5)
    run.page(1, 2, 20, after=4, last=7, entries=0)
    run.page(1, 3, 20, after=5, last=6, entries=0)
    found = run.verdict("history-gap")
    claims = "and the page claims to reach position {}, but no client ever received a position"
    assert sentences(found) == [
        omits(5, 4),
        f"u2 requested c1 after position 4, {claims.format(7)} after 5.",
        f"u3 requested c1 after position 5, {claims.format(6)} after 5.",
    ]
    assert (found.count, found.examined) == (4, 1 + 5 + 2 + 1)


def test_a_page_for_a_user_who_was_added_again_begins_with_their_last_stay():
    run = chat(6)
    run.audit(1, 1, 2, 3, 4, 5, 6, head=6)
    for first, last in ((1, 2), (5, 0)):
        run.add(Kind.RANGE, 33, conv=1, peer=2, seq=first, sseq=last)
    run.page(1, 2, 20, after=0, last=6, entries=0)
    found = run.verdict("history-gap")
    assert sentences(found) == [omits(5), omits(6)]


def test_a_page_need_not_contain_what_earlier_runs_wrote():
    run = SmallRun((1, 2), **OLD)
    for seq in (4, 5, 6):
        run.send(1, seq, seq)
    run.audit(1, 4, 5, 6, head=6)
    run.page(1, 2, 20, after=0, last=6, entries=0)
    found = run.verdict("history-gap")
    assert sentences(found) == [omits(4), omits(5), omits(6)]


@pytest.mark.parametrize(("length", "outcome"), [(2, "unknown"), (3, "valid")])
def test_a_hole_takes_three_positions(length, outcome):
    run = chat(length)
    run.audit(1, *range(1, length + 1), head=length)
    found = run.verdict("history-gap")
    assert (found.outcome, found.examined) == (outcome, length)


@pytest.mark.parametrize("user", [1, 2, 3])
def test_the_pages_of_all_users_are_examined(user):
    run = chat(5)
    run.audit(1, 1, 2, 3, 4, 5, head=5)
    run.page(1, user, 20, after=3, last=5, entries=0)
    assert [witness.user for witness in run.verdict("history-gap").witnesses] == [user, user]


def test_each_of_several_pages_is_examined_by_itself():
    run = chat(5)
    run.audit(1, 1, 2, 3, 4, 5, head=5)
    for user, after in ((2, 2), (3, 1), (1, 3)):
        run.page(1, user, 20 + user, after=after, last=5, entries=0)
    found = run.verdict("history-gap")
    assert [(each.user, each.sentence[-2:]) for each in found.witnesses] == [
        *((1, f"{seq}.") for seq in (4, 5)),
        *((2, f"{seq}.") for seq in (3, 4, 5)),
        *((3, f"{seq}.") for seq in (2, 3, 4, 5)),
    ]


def test_a_page_for_a_user_who_left_ends_where_they_left():
    run = chat(5)
    run.audit(1, 1, 2, 3, 4, 5, head=5)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=1, sseq=3)
    run.page(1, 2, 20, after=1, last=5, entries=0)
    assert sentences(run.verdict("history-gap")) == [omits(2, 1), omits(3, 1)]


def test_a_page_need_not_contain_what_its_reader_wrote_where_they_receive_none_of_it():
    run = chat(3)
    run.without = "self_echo"
    run.send(1, 4, 8, author=2)
    run.audit(1, 1, 2, 3, head=4)
    run.audit(1, 4, head=4, author=2)
    run.page(1, 2, 20, after=1, last=4, entries=0)
    assert sentences(run.verdict("history-gap")) == [omits(2, 1), omits(3, 1)]


def read_page(run, user, at_s, *seqs, after=0, last=0):
    """Let a user read a page with these messages, of which all are recorded as copies."""
    known = {"conv": 1, "link": user}
    spare = PageFlag.LISTED | (PageFlag.LAST if last else 0)
    claims = {"peer": len(seqs), "seq": after, "sseq": last or seqs[-1], "spare": spare}
    run.add(Kind.PAGE, at_s, **known, **claims, ref_ns=ns(at_s - 0.01))
    for seq in seqs:
        copy = {"peer": 1, "sseq": seq, "seq": seq, "flags": Channel.HISTORY | Flag.DUPLICATE}
        run.add(Kind.RECEIVE, at_s, **known, **copy)


def lists_without(entries, seq, after=0):
    """Return the sentence on a position that a page that user 2 read does not list."""
    return (
        f"u2 requested c1 after position {after} and received {entries} "
        f"{'entry' if entries == 1 else 'entries'}, without position {seq}."
    )


@pytest.mark.parametrize(
    ("seqs", "claims", "missing"),
    [
        ((1, 2, 3), {}, []),
        ((1, 3), {}, [2]),
        ((2, 3), {}, [1]),
        ((3,), {"after": 2}, []),
        ((2,), {"after": 1}, []),
        ((1, 2, 3, 4, 5), {"last": 5}, []),
        ((1, 2), {"last": 5}, [3, 4, 5]),
        ((), {"after": 4, "last": 5}, [5]),
        ((), {"after": 5, "last": 5}, []),
    ],
)
def test_a_page_that_a_load_reads_lists_all_that_its_reader_has(seqs, claims, missing):
    run = chat(5, receivers=(1, 2, 3))
    read_page(run, 2, 20, *seqs, **claims)
    after = claims.get("after", 0)
    expected = [lists_without(len(seqs), seq, after) for seq in missing]
    assert sentences(run.verdict("history-gap")) == expected


def test_what_a_load_reads_besides_does_not_complete_a_resync():
    """The page of the re-sync omitted position 2, which the user was therefore never shown."""
    run = chat(3)
    run.deliver(1, 1, 19, 2)
    run.deliver(1, 3, 19, 2)
    run.page(1, 2, 19, after=0, last=3, entries=2)
    read_page(run, 2, 20, 1, 2, 3)
    (sentence,) = sentences(run.verdict("history-gap"))
    assert sentence.endswith("received 2 entries, but never position 2.")


def test_a_page_need_not_list_what_was_not_known_before_it():
    run = chat(3)
    read_page(run, 2, 3.05, 1, last=1)
    for seq in (2, 3):
        run.deliver(1, seq, 10, 2)
    assert sentences(run.verdict("history-gap")) == []


def test_all_that_servers_and_pages_omit_and_claim_is_counted_together():
    run = chat(5)
    run.audit(1, 1, 2, 3, 4, 5, head=5)
    run.page(1, 2, 20, after=4, last=5, entries=0)
    for at_s in (21, 22):
        run.add(Kind.START, at_s, conv=1, link=2, ref_ns=ns(at_s), seq=9)
    found = run.verdict("history-gap")
    assert (found.count, found.examined) == (1 + 2, 1 + 5 + 2)
    told = "u2 was told at connect that c1 ends at position 9"
    claim = f"{told}, but the audit, which came later, ends before it."
    assert sentences(found) == [omits(5, 4), claim, claim]
    assert found.sentence == "3 of 8 positions that pages had to contain are missing."


@pytest.mark.parametrize("traits", [Traits(deletes=True), Traits(expires=True)])
def test_where_messages_may_disappear_gaps_are_a_doubt(traits):
    run = chat(5, checks={"required": ["history-gap"]})
    run.traits = traits
    run.audit(1, 1, 2, 4, 5, head=5)
    found = run.verdict("history-gap")
    assert (found.outcome, found.count, sentences(found)) == ("unknown", 0, [])
    assert "1 position is missing that pages had to contain" in found.sentence
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=3, seq=3, flags=Channel.AUDIT)
    assert run.verdict("history-gap").outcome == "valid"


def test_a_gap_that_may_have_been_deleted_is_not_counted_with_what_servers_claim():
    run = chat(5, receivers=(3,))
    run.traits = Traits(deletes=True)
    run.page(1, 2, 20, after=4, last=5, entries=0)
    run.add(Kind.START, 2.5, conv=1, link=2, ref_ns=ns(2.5), seq=5)
    found = run.verdict("history-gap")
    assert (found.outcome, found.count) == ("invalid", 1)
    assert len(found.witnesses) == 1


@pytest.mark.parametrize(("pages", "outcome"), [(2, "not-applicable"), (3, "valid"), (4, "valid")])
def test_an_imported_history_is_not_judged_by_hardly_any_positions(pages, outcome):
    run = chat(4, receivers=(2,), target={"adapter": RECORDED})
    read_page(run, 2, 20, *range(1, pages + 1))
    found = run.verdict("history-gap")
    assert (found.outcome, found.examined) == (outcome, pages)


def test_a_single_gap_and_a_single_claim_are_judged_in_an_imported_history_too():
    run = chat(5, receivers=(3,), target={"adapter": RECORDED})
    run.page(1, 2, 20, after=4, last=5, entries=0)
    run.add(Kind.START, 2.5, conv=1, link=2, ref_ns=ns(2.5), seq=5)
    found = run.verdict("history-gap")
    assert (found.outcome, found.count, found.examined) == ("invalid", 2, 2)
    assert history_gap.check(run.history()).not_applicable == ""


def test_messages_that_pages_omit_in_a_system_without_positions_are_counted():
    run = run_without_positions()
    run.without = SERVER_SEQ
    listed_page(run, 3, 20, (1, 0), (2, 4))
    found = run.verdict("history-gap")
    assert (found.count, found.examined) == (3, 3)
    assert found.sentence == "3 of 3 messages that pages had to contain are missing."


def unknown_range(*received, members=(1, 3)):
    """Return a run in which user 2 received these positions of 6, and no record has their range."""
    run = chat(6)
    run.audit(1, 1, 2, 3, 4, 5, 6, head=6)
    for user in members:
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    for seq in received:
        run.deliver(1, seq, 12, 2)
    return run


@pytest.mark.parametrize(
    ("received", "missing"),
    [
        ((2, 5), (3, 4)),
        ((1, 3), (2,)),
        ((4,), ()),
        ((5, 3), (4,)),
        ((), ()),
        ((1, 6), (2, 3, 4, 5)),
    ],
)
def test_a_member_of_unknown_range_is_owed_what_lies_within_all_that_they_received(
    received, missing
):
    run = unknown_range(*received)
    run.deliver(1, 4, 13, 2, seq=0, author=3)
    run.page(1, 2, 20, after=0, last=6, entries=0)
    run.page(1, 3, 20, after=5, last=6, entries=0)
    found = run.verdict("history-gap")
    other = "u3 requested c1 after position 5 and received 0 entries, but never position 6."
    assert sentences(found) == [*(omits(seq) for seq in missing), other]
    within = max(received) - min(received) + 1 if received else 0
    assert (found.count, found.examined) == (len(missing) + 1, 6 + within + 1)


def test_what_a_member_of_unknown_range_requests_shows_nothing_of_their_range():
    run = unknown_range(3, 5)
    run.page(1, 2, 20, after=1, last=6, entries=0)
    assert sentences(run.verdict("history-gap")) == [omits(4, 1)]


def test_a_member_of_unknown_range_is_not_owed_what_was_sent_while_they_may_have_been_out():
    """The request to remove them was granted at 5.5 s, and that to add them again at 6.5 s."""
    run = unknown_range(2, 6)
    known = {"conv": 1, "link": 1, "peer": 2, "spare": ProbeResult.GRANTED}
    for at_s, event in ((5.5, RoomEvent.REMOVED), (6.4, RoomEvent.ADDED)):
        run.add(Kind.MEMBERSHIP, at_s + 0.1, **known, sseq=event, ref_ns=ns(at_s))
    run.page(1, 2, 20, after=0, last=6, entries=0)
    assert sentences(run.verdict("history-gap")) == [omits(5)]
