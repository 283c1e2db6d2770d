"""Pages that know less than clients did before, and pages that may."""

import pytest

from gauntlet.campaigns.synthetic.histories import LEAVER, ROOM
from gauntlet.campaigns.synthetic.start_mutators import state_starts
from gauntlet.campaigns.synthetic.story import MS, ZERO, S
from gauntlet.core.history import Kind, PageFlag

from ..small_runs import SmallRun, ns, sentences


def read_to(story, conv, user, head, at_s=30.0):
    """Let a user read a conversation from its end, which the page says is `head`."""
    link = max(number for number, link in story.links.items() if link.user == user)
    t_ns = ZERO + int(at_s * S)
    story.add(
        Kind.PAGE, t_ns, ref_ns=t_ns - MS, conv=conv, link=link, seq=head, sseq=head,
        spare=PageFlag.LAST,
    )  # fmt: skip


def head_of(story, conv):
    """Return the last position of a conversation."""
    return story.records[story.at(Kind.HEAD, conv=conv)[0]].seq


def test_a_page_that_ends_at_the_last_known_position_is_valid(verdict, good_story):
    story = good_story(1)
    read_to(story, 1, 1, head_of(story, 1))
    assert verdict("history-regress", story).outcome == "valid"


def test_a_page_that_ends_one_position_earlier_is_a_violation(verdict, good_story):
    story = good_story(1)
    read_to(story, 1, 1, head_of(story, 1) - 1)
    found = verdict("history-regress", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    assert "that u0-1 requested ends at position" in found.witnesses[0].sentence


def test_the_pages_of_a_user_who_left_may_end_where_they_left(verdict, good_story):
    story = good_story(1)
    (last,) = [story.records[at].sseq for at in story.at(Kind.RANGE, conv=ROOM, peer=LEAVER)]
    read_to(story, ROOM, LEAVER, last)
    assert verdict("history-regress", story).outcome == "valid"


def test_an_old_page_of_the_audit_is_a_violation(verdict, good_story):
    story = good_story(1)
    index = story.at(Kind.PAGE, link=0, conv=1)[0]
    story.change(index, sseq=story.records[index].sseq - 2, peer=story.records[index].peer - 2)
    found = verdict("history-regress", story)
    assert found.count == 1
    assert "the audit requested" in found.witnesses[0].sentence


def test_runs_that_do_not_say_which_pages_reached_the_head_are_not_judged(verdict, good_story):
    story = good_story(1)
    for index in story.at(Kind.PAGE):
        story.change(index, spare=0)
    assert verdict("history-regress", story).outcome == "not-applicable"


def test_the_witness_names_the_message_at_the_position_that_was_known():
    run = SmallRun((1, 2), (1, 2))
    for conv in (1, 2):
        for seq in (1, 2, 3):
            run.send(conv, seq, 10 + seq)
    run.page(2, 2, 20, after=0, last=3, entries=3)
    found = run.verdict("history-regress")
    assert (found.outcome, found.examined) == ("valid", 1)
    run.page(2, 2, 21, after=0, last=1, entries=1)
    found = run.verdict("history-regress")
    assert sentences(found) == [
        (
            "A page of c2 that u2 requested ends at position 1, although position 3 was known "
            "before the request."
        )
    ]
    history = run.history()
    (message,) = found.witnesses[0].messages
    assert (history.messages.conv[message], history.messages.sseq[message]) == (2, 3)
    assert (found.count, found.examined) == (1, 2)


@pytest.mark.parametrize(("stated", "count"), [(3, 0), (4, 0), (2, 1)])
def test_a_server_states_no_older_last_position_at_connect(stated, count):
    run = SmallRun((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
    run.add(Kind.START, 20, ref_ns=ns(19), conv=1, link=2, seq=stated)
    found = run.verdict("history-regress")
    assert (found.count, found.examined) == (count, 1)
    sentence = (
        "u2 was told at connect that c1 ends at position 2, although position 3 was known before "
        "the connection was begun."
    )
    assert sentences(found) == [sentence] * count


def test_what_becomes_known_while_a_connection_begins_need_not_be_stated():
    run = SmallRun((1, 2))
    run.send(1, 1, 20)
    run.add(Kind.START, 21, ref_ns=ns(20), conv=1, link=2, seq=0)
    assert run.verdict("history-regress").outcome == "valid"


def test_a_position_that_was_stated_is_known_to_later_reads():
    run = SmallRun((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
    run.add(Kind.START, 10.9, ref_ns=ns(10.8), conv=1, link=1, seq=3)
    run.add(Kind.START, 11.2, ref_ns=ns(11.0), conv=1, link=2, seq=2)
    assert run.verdict("history-regress").count == 1


def test_positions_that_a_correct_server_states_are_valid(verdict, good_story):
    story = good_story(1)
    state_starts(story)
    for check in ("history-regress", "wire-order"):
        assert verdict(check, story).outcome == "valid"


def end_with_a_lost_message(*receivers):
    """Let the last message be acknowledged, and be lost; the audit ends one position earlier."""
    run = SmallRun((1, 2), (1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
    run.deliver(1, 3, 13.2, *receivers)
    run.page(1, 0, 33, after=0, last=2, entries=2)
    run.audit(1, 1, 2, head=2)
    return run


def test_the_end_of_the_history_is_not_counted_again_after_lost_acked():
    run = end_with_a_lost_message()
    assert run.verdict("lost-acked").count == 1
    assert run.verdict("history-regress").outcome == "valid"


def test_a_lost_message_that_was_delivered_is_also_a_history_that_went_back():
    assert end_with_a_lost_message(2).verdict("history-regress").count == 1


def test_without_lost_acked_the_position_of_a_lost_message_counts():
    run = end_with_a_lost_message()
    run.story.scenario["checks"] = {"required": ["history-regress"]}
    assert run.verdict("history-regress").count == 1


@pytest.mark.parametrize(("head", "count"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_a_list_of_heads_knows_what_clients_knew_before_the_request(head, count):
    """The third message was acknowledged while the list was read, and may be in it."""
    run = SmallRun()
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 10.1 + seq, 1, 2, 3)
    run.audit(1, 1, 2, 3, head=3)
    flags = PageFlag.LAST | PageFlag.HEADS
    run.add(Kind.PAGE, 13.5, conv=1, link=2, ref_ns=ns(12.9), seq=head, sseq=head, spare=flags)
    found = run.verdict("history-regress")
    assert found.count == count
    text = f"The list of heads that u2 requested has c1 at position {head}, although position 2 was"
    assert [sentence[: len(text)] for sentence in sentences(found)] == [text] * count
    assert run.verdict("history-gap").count == 0


def test_a_list_of_heads_that_is_ahead_makes_no_page_stale():
    """`history-gap` reports the list."""
    run = SmallRun()
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 10.1 + seq, 1, 2, 3)
    run.audit(1, 1, 2, 3, head=3)
    flags = PageFlag.LAST | PageFlag.HEADS
    run.add(Kind.PAGE, 12.2, conv=1, link=2, ref_ns=ns(12.15), seq=3, sseq=3, spare=flags)
    run.page(1, 3, 12.5, after=2, last=2, entries=0)
    assert run.verdict("history-regress").count == 0
    assert run.verdict("history-gap").count == 1
