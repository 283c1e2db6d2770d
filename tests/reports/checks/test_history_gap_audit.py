"""What the audit must contain, and how far its pages must reach."""

from itertools import groupby

import pytest

from gauntlet.campaigns.synthetic.story import ZERO, S
from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import NS, SmallRun, sentences
from .gap_runs import OLD, chat

AUDIT = 0  # in place of the user of a page


def lacks(conv, first, last):
    """Return the sentence on a hole in an audit."""
    if first == last:
        return (
            f"The audit of c{conv} lacks position {first}, which is not beyond the reported head."
        )
    return f"The audit of c{conv} lacks positions {first} to {last} of those up to its head."


def stops_short(entries, head, after=0):
    """Return the sentence on a page of the audit that stops short."""
    return (
        f"The audit requested c1 after position {after} and received {entries} "
        f"{'entry' if entries == 1 else 'entries'}, although the page reports the head {head}."
    )


def ends_before(conv, seq):
    """Return the sentence on a position beyond the end of an audit."""
    return (
        f"Position {seq} of c{conv} was presented before the audit, but the audit ends before it."
    )


def test_the_audit_must_contain_only_what_was_presented_before_it_began(
    verdict, good_story, break_it
):
    story = good_story(1)
    ((conv, author, sseq),) = break_it("present_a_message_beyond_the_audit", story)
    shown = story.at(Kind.DELIVER, conv=conv, peer=author, sseq=sseq)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    assert (
        "was presented before the audit, but the audit ends before it"
        in found.witnesses[0].sentence
    )
    for index in shown:
        story.change(index, t_ns=5_032_200_000_000)
    assert verdict("history-gap", story).outcome == "valid"


def test_a_conversation_without_an_audit_has_no_gap_at_its_end(verdict, good_story):
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    story.drop([head, *story.at(Kind.AUDIT, conv=1)])
    assert verdict("history-gap", story).outcome == "valid"


def test_every_presented_position_is_a_gap_if_the_audit_is_empty(verdict, good_story):
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    count = story.records[head].seq
    story.change(head, seq=0)
    story.drop(story.at(Kind.AUDIT, conv=1))
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", count)


def test_a_head_beyond_the_audit_is_a_range_of_missing_positions(verdict, good_story):
    story = good_story(1)
    (index,) = story.at(Kind.HEAD, conv=1)
    head = story.records[index].seq
    story.change(index, seq=200_000_000)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", 200_000_000 - head)
    assert f"lacks positions {head + 1:,} to 200,000,000" in found.witnesses[0].sentence


def test_a_page_of_a_history_whose_beginning_was_deleted_is_not_short(verdict, good_story):
    """Positions 1 and 2 of a conversation are gone, and the page has all the others."""
    story = good_story(1)
    index = story.at(Kind.PAGE, link=0, conv=1)[0]
    story.change(index, peer=story.records[index].peer - 2)
    assert verdict("history-gap", story).outcome == "invalid"
    story.drop([at for seq in (1, 2) for at in story.at(Kind.AUDIT, conv=1, seq=seq)])
    assert verdict("history-gap", story).outcome == "valid"


@pytest.mark.parametrize(
    ("first", "second", "holes"),
    [
        ((1, 2, 3, 4, 5, 6), (1, 2, 3), []),
        ((1, 3, 4, 5, 6), (1, 2, 3), [(1, 2, 2)]),
        ((1, 4, 5, 6), (1, 2, 3), [(1, 2, 3)]),
        ((1, 3, 6), (1, 2, 3), [(1, 2, 2), (1, 4, 5)]),
        ((1, 2, 3, 4, 5, 6), (1, 3), [(2, 2, 2)]),
        ((1, 2, 3, 6), (1, 3), [(1, 4, 5), (2, 2, 2)]),
        # After the last entry, up to the head.
        ((1, 2, 3, 4, 5), (1, 2, 3), [(1, 6, 6)]),
        ((1, 2, 4), (1, 2), [(1, 3, 3), (1, 5, 6), (2, 3, 3)]),
        ((1, 2, 3, 4, 5, 6), (), [(2, 1, 3)]),
        ((), (1, 2, 3), [(1, 1, 6)]),
        # A server may have deleted the beginning.
        ((3, 4, 5, 6), (2, 3), []),
    ],
)
def test_the_audit_has_no_hole_between_its_first_entry_and_the_head(first, second, holes):
    run = chat(6, 3, checks={"required": ["history-gap"]})
    run.audit(1, *first, head=6)
    run.audit(2, *second, head=3)
    history = run.history()
    found = run.verdict("history-gap")
    # Holes between entries come before those at the end.
    assert sorted(sentences(found)) == sorted(lacks(*hole) for hole in holes)
    missing = sum(end - begin + 1 for _, begin, end in holes)
    assert (found.count, found.examined) == (missing, len(first) + len(second) + missing)
    for witness in found.witnesses:
        (head,) = history.records[list(witness.records)]
        (message,) = witness.messages
        assert (head["kind"], head["conv"]) == (Kind.HEAD, history.messages.conv[message])
        assert f" {history.messages.sseq[message]}" in witness.sentence


@pytest.mark.parametrize(
    "lost",
    [(), (3,), (7,), (5,), (3, 7), (4, 5), (3, 4, 5, 6, 7), (9,), (3, 10), (6, 7, 9), (7, 9, 10)],
)
def test_a_hole_ends_at_messages_that_are_lost(lost):
    """Others reported as lost in other conversations, or in another hole, do not matter."""
    stored = (1, 2, 8, 11)
    run = SmallRun((1, 2), (1, 2), (1, 2))
    for seq in sorted({*stored, *lost}):
        run.send(2, seq, 2 + seq)
    run.audit(2, *stored, head=11)
    for conv in (1, 3):
        for seq in (1, 4, 5, 20):
            run.send(conv, seq, 2 + seq / 10)
        run.audit(conv, 1, head=1)
    found = run.verdict("history-gap")
    holes = [seq for seq in (3, 4, 5, 6, 7, 9, 10) if seq not in lost]
    groups = groupby(holes, key=lambda seq: seq - holes.index(seq))
    runs = [[*group] for _, group in groups]
    assert sentences(found) == [lacks(2, group[0], group[-1]) for group in runs]
    assert (found.count, found.examined) == (len(holes), 4 + 2 + len(holes))


@pytest.mark.parametrize(
    ("stored", "head", "holes"),
    [
        # Positions 4 to 6 are of this run.
        ((1, 4, 5, 6), 6, []),
        ((1, 3, 5, 6), 6, [(1, 4, 4)]),
        ((1, 2, 6), 6, [(1, 4, 5)]),
        ((1, 2), 3, []),
        ((1, 2), 4, [(1, 4, 4)]),
    ],
)
def test_holes_in_what_earlier_runs_wrote_are_none(stored, head, holes):
    run = SmallRun((1, 2), checks={"required": ["history-gap"]}, **OLD)
    for seq in (4, 5, 6):
        run.send(1, seq, seq)
    run.audit(1, *stored, head=head)
    found = run.verdict("history-gap")
    assert sentences(found) == [lacks(*hole) for hole in holes]
    assert found.count == sum(end - begin + 1 for _, begin, end in holes)


@pytest.mark.parametrize(
    ("after", "last", "entries", "stored", "is_short"),
    [
        (0, 5, 5, (1, 2, 3, 4, 5), False),
        (0, 5, 4, (1, 2, 3, 4, 5), True),
        (2, 5, 3, (1, 2, 3, 4, 5), False),
        (2, 5, 2, (1, 2, 3, 4, 5), True),
        # The page must reach its own head: that it is too low concerns another check.
        (0, 3, 3, (1, 2, 3, 4, 5), False),
        (0, 3, 2, (1, 2, 3, 4, 5), True),
        # Nothing was known beyond position 5 when it was requested.
        (0, 7, 5, (1, 2, 3, 4, 5), False),
        # A server may have deleted the beginning.
        (0, 5, 3, (3, 4, 5), False),
        (0, 5, 2, (3, 4, 5), True),
        (3, 5, 2, (3, 4, 5), False),
        (3, 5, 1, (3, 4, 5), True),
        # A message that is lost, which concerns another check, leaves the page one entry shorter.
        (0, 5, 4, (1, 2, 4, 5), False),
        (0, 5, 3, (1, 2, 4, 5), True),
        (0, 5, 2, (1, 4, 5), True),
        (2, 5, 2, (1, 2, 4, 5), False),
        (2, 5, 1, (1, 2, 4, 5), True),
        (0, 5, 4, (1, 2, 3, 4), True),
    ],
)
def test_a_last_page_of_the_audit_reaches_what_was_known(after, last, entries, stored, is_short):
    run = chat(5)
    run.audit(1, *stored, head=5)
    run.page(1, AUDIT, 33, after=after, last=last, entries=entries)
    found = run.verdict("history-gap")
    assert sentences(found) == [stops_short(entries, last, after)] * is_short
    assert (found.count, found.examined) == (int(is_short), len(stored) + 1)
    assert all(len(witness.records) == 1 for witness in found.witnesses)


def test_an_entry_without_a_position_does_not_begin_the_audit():
    """An imported history may have only the ids of some entries."""
    run = chat(5)
    run.audit(1, 3, 4, 5, head=5)
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=1, flags=Channel.AUDIT)
    run.page(1, AUDIT, 33, after=0, last=5, entries=3)
    found = run.verdict("history-gap")
    assert (sentences(found), found.examined) == ([], 3 + 1)


@pytest.mark.parametrize(("entries", "short"), [(0, [stops_short(0, 1)]), (1, [])])
def test_an_audit_that_finds_nothing_begins_at_position_1(entries, short):
    run = chat(1)
    run.audit(1, head=1)
    run.page(1, AUDIT, 33, after=0, last=1, entries=entries)
    assert sentences(run.verdict("history-gap")) == short


@pytest.mark.parametrize(
    ("after", "last", "entries", "stored", "is_short"),
    [
        # Positions 4 to 6 are of this run; of 1 to 3, the server may have deleted any.
        (0, 6, 5, (1, 3, 4, 5, 6), False),
        (0, 6, 4, (1, 3, 4, 5, 6), True),
        (0, 6, 4, (1, 4, 5, 6), False),
        (0, 6, 3, (1, 4, 5, 6), True),
        (0, 6, 5, (1, 2, 4, 5, 6), False),
        (0, 6, 4, (1, 2, 4, 5, 6), True),
        (0, 6, 4, (3, 4, 5, 6), False),
        (0, 6, 3, (3, 4, 5, 6), True),
        (1, 6, 4, (1, 3, 4, 5, 6), False),
        (1, 6, 3, (1, 3, 4, 5, 6), True),
        # Positions 4 and 5 are lost, of which another check speaks.
        (0, 6, 4, (1, 2, 3, 6), False),
        (0, 6, 3, (1, 2, 3, 6), True),
        (0, 3, 0, (1, 2, 3, 4, 5, 6), False),
        (0, 4, 3, (1, 2, 3, 4, 5, 6), True),
        (0, 4, 4, (1, 2, 3, 4, 5, 6), False),
    ],
)
def test_a_page_of_the_audit_need_not_contain_what_earlier_runs_wrote(
    after, last, entries, stored, is_short
):
    run = SmallRun((1, 2), **OLD)
    for seq in (4, 5, 6):
        run.send(1, seq, seq)
    run.audit(1, *stored, head=6)
    run.page(1, AUDIT, 33, after=after, last=last, entries=entries)
    assert sentences(run.verdict("history-gap")) == [stops_short(entries, last, after)] * is_short


@pytest.mark.parametrize(
    ("at_s", "changed", "is_missing"),
    [
        (20, {}, True),
        (32 - NS, {}, True),
        (32, {}, False),
        (20, {"kind": Kind.RECEIVE, "flags": Flag.DUPLICATE}, True),
        (20, {"kind": Kind.ROOM, "sseq": RoomEvent.ADDED}, True),
        (20, {"flags": Flag.FOREIGN}, False),
        (20, {"flags": Flag.LEFTOVER}, False),
        # That it was acknowledged only concerns `lost-acked`.
        (20, {"kind": Kind.ACK}, False),
    ],
)
def test_the_audit_reaches_what_was_received_before_it(at_s, changed, is_missing):
    run = chat(3, 4)
    run.audit(1, 1, 2, 3, head=3)
    run.audit(2, 1, 2, head=2)
    for conv in (1, 2):
        run.deliver(conv, 1, 6, 2)
        run.deliver(conv, 3, at_s, 2)
    (index,) = run.story.at(Kind.DELIVER, conv=2, seq=3)
    run.story.change(index, **changed)
    found = run.verdict("history-gap")
    assert sentences(found) == [ends_before(2, 3)] * is_missing
    assert (found.count, found.examined) == (int(is_missing), 5 + is_missing)
    for witness in found.witnesses:
        assert (len(witness.messages), len(witness.records)) == (1, 1)


def test_what_is_received_in_a_conversation_without_an_audit_is_not_beyond_it():
    run = chat(3, 3, receivers=(2,))
    run.audit(2, 1, 2, 3, head=3)
    found = run.verdict("history-gap")
    assert (found.outcome, found.examined) == ("valid", 3)


def test_a_witness_has_the_first_head_that_the_audit_read():
    run = SmallRun((1, 2))
    run.audit(1, 1, 3, head=3)
    run.add(Kind.HEAD, 34, conv=1, seq=3)
    (witness,) = run.verdict("history-gap").witnesses
    (head,) = run.history().records[list(witness.records)]
    assert (head["kind"], head["t_ns"]) == (Kind.HEAD, ZERO + 33 * S)


def test_the_audit_of_the_first_conversation_reaches_what_was_received_too():
    run = chat(3, 3, receivers=(2,))
    run.audit(1, 1, 2, head=2)
    run.audit(2, 1, 2, head=2)
    assert sentences(run.verdict("history-gap")) == [ends_before(1, 3), ends_before(2, 3)]


def test_what_lies_between_two_conversations_is_no_hole():
    """The server has deleted the beginning of the second one."""
    run = chat(2)
    run.audit(1, 1, 2, head=2)
    run.story.convs[2] = run.story.convs[1] | {"name": "c2"}
    run.audit(2, 9, 10, head=10)
    found = run.verdict("history-gap")
    assert (sentences(found), found.examined) == ([], 4)


@pytest.mark.parametrize(("at_s", "count"), [(31.5 - NS, 1), (31.5, 0)])
def test_by_clocks_that_differ_the_audit_may_have_begun_before_a_delivery(at_s, count):
    run = chat(3)
    run.declare(clock_error_ns=500_000_000)
    run.audit(1, 1, 2, head=2)
    run.deliver(1, 3, at_s, 2)
    assert run.verdict("history-gap").count == count
