"""What pages omitted is counted as if message by message."""

from random import Random

import pytest

from gauntlet.core.history import (
    RECORDED,
    Channel,
    Flag,
    Kind,
    PageFlag,
    ProbeResult,
    RoomEvent,
)
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.reports.checks._page_gaps import find_gaps

from ..small_runs import NS, SmallRun, ns, sentences

COMPLETE = PageFlag.ENTRIES | PageFlag.LAST | PageFlag.OLDEST_FIRST
SLICE = PageFlag.ENTRIES | PageFlag.OLDEST_FIRST


def page(run, user, at_s, *messages, flags=SLICE, requested_s=None, conv=1, **fields):
    """Let a user read a page with these messages, each of an author and with a number of theirs."""
    ref_ns = ns(at_s if requested_s is None else requested_s)
    known = {"conv": conv, "link": user, **fields}
    run.add(Kind.PAGE, at_s, ref_ns=ref_ns, peer=len(messages), spare=flags, **known)
    for author, number in messages:
        copy = {"conv": conv, "link": user, "peer": author, "sseq": number}
        run.add(Kind.RECEIVE, at_s, **copy, flags=Channel.HISTORY)


def small_run(*, messages=5, **scenario):
    """Return a run in which three users take turns to send, one a second."""
    run = SmallRun((1, 2, 3), **scenario)
    for number in range(messages):
        run.send(1, 0, 10 + number, author=number % 3 + 1, sseq=number)
    return run


ALL = tuple((number % 3 + 1, number) for number in range(5))


def found(run):
    gaps = find_gaps(run.history())
    return gaps.missing, gaps.examined


def test_a_complete_page_has_everything_before_its_request():
    run = small_run()
    page(run, 2, 20, *ALL[:4], flags=COMPLETE)
    page(run, 2, 21, *ALL[:4], flags=COMPLETE, requested_s=14.1)
    page(run, 2, 22, *ALL[:3], flags=COMPLETE, requested_s=14.1)
    assert found(run) == (2, 5 + 4 + 4)


def test_a_page_that_begins_behind_a_position_is_not_complete():
    run = small_run()
    page(run, 2, 20, *ALL[3:], flags=COMPLETE, seq=3)
    assert found(run)[0] == 0


def test_a_slice_has_what_lies_between_its_entries():
    run = small_run()
    page(run, 3, 20, ALL[0], ALL[4])
    page(run, 3, 21, ALL[1], ALL[2])
    assert found(run) == (3, 3)
    assert "lacks message 1 of u2 in c1" in sentences(run.verdict("history-gap"))[0]


def test_a_slice_whose_order_is_wrong_shows_nothing():
    run = small_run()
    page(run, 3, 20, ALL[4], ALL[0])
    assert found(run) == (0, 0)


def test_what_one_page_misplaces_is_missing_in_none():
    """The system has the second message behind the third one."""
    run = small_run()
    page(run, 3, 20, ALL[0], ALL[2], ALL[1], ALL[3])
    page(run, 3, 21, ALL[0], ALL[2])
    page(run, 3, 22, ALL[0], ALL[4])
    assert found(run) == (1, 1)


def test_disorder_is_known_of_pages_with_a_direction_only():
    run = small_run()
    page(run, 3, 20, ALL[2], ALL[1], flags=PageFlag.ENTRIES)
    page(run, 3, 21, ALL[0], ALL[3])
    assert found(run) == (2, 2)


def test_pages_in_disorder_by_positions_are_the_concern_of_another_check():
    run = small_run()
    page(run, 3, 20, ALL[0], ALL[3], flags=SLICE | PageFlag.DISORDERED)
    assert found(run) == (0, 0)


def test_own_messages_may_be_left_out_without_an_echo():
    run = small_run()
    run.without = SELF_ECHO
    page(run, 2, 20, ALL[0], ALL[2], ALL[3], flags=COMPLETE)
    page(run, 2, 21, ALL[0], ALL[3])
    page(run, 3, 22, ALL[0], ALL[3])
    page(run, 0, 23, *ALL[1:], flags=COMPLETE)
    page(run, 2, 24, ALL[0], ALL[1], ALL[3])
    assert found(run) == (1 + 1 + 1 + 1, 3 + 1 + 1 + 5 + 1)


def test_readers_outside_are_owed_nothing():
    run = small_run()
    page(run, 2, 20, ALL[0], ALL[2], flags=COMPLETE | PageFlag.OUTSIDE)
    page(run, 2, 21, ALL[0], ALL[3], flags=SLICE | PageFlag.OUTSIDE)
    assert found(run) == (0, 0)


def test_who_is_no_member_is_owed_nothing():
    run = small_run()
    run.story.convs[1]["members"] = [1, 3]
    page(run, 2, 20, ALL[0], ALL[3], flags=COMPLETE)
    assert found(run) == (0, 0)


@pytest.mark.parametrize(("count", "missing"), [(5, 4), (4, 3), (3, 2), (2, 1), (1, 0), (0, 0)])
def test_only_so_many_are_kept(count, missing):
    run = small_run()
    run.traits = Traits(retention=Retention(count=count))
    page(run, 2, 20, *ALL[4:], flags=COMPLETE)
    assert found(run)[0] == missing


def test_what_may_have_come_behind_counts_too():
    run = small_run()
    run.send(1, 0, 9, author=1, sseq=9, end=Kind.UNKNOWN)
    run.traits = Traits(retention=Retention(count=3))
    page(run, 2, 20, *ALL[4:], flags=COMPLETE)
    assert found(run)[0] == 1


@pytest.mark.parametrize(("age_s", "missing"), [(9.5, 3), (8.5, 2), (5, 0)])
def test_messages_are_kept_for_a_time(age_s, missing):
    run = small_run()
    run.traits = Traits(retention=Retention(age_s=age_s))
    page(run, 2, 20, *ALL[4:], flags=COMPLETE)
    assert found(run)[0] == missing


def test_messages_with_a_position_are_compared_by_it():
    run = small_run()
    run.send(1, 7, 16, author=1, sseq=7)
    page(run, 2, 20, *ALL, flags=COMPLETE)
    assert found(run)[0] == 0


def test_a_run_without_messages_has_no_gaps():
    run = SmallRun((1, 2, 3))
    run.traits = Traits(retention=Retention(count=3, age_s=5))
    page(run, 2, 20, flags=COMPLETE)
    assert found(run) == (0, 0)


@pytest.mark.parametrize(("requested_s", "due"), [(14.1, 4), (14.1 + NS, 5)])
def test_a_complete_page_has_what_was_acknowledged_before_and_not_at_its_request(requested_s, due):
    run = small_run()
    page(run, 2, 20, flags=COMPLETE, requested_s=requested_s)
    assert found(run) == (due, due)


def test_what_is_missing_alone_is_named():
    run = small_run()
    page(run, 2, 20, ALL[0], ALL[2], flags=COMPLETE, requested_s=12.5)
    page(run, 0, 33, *ALL[1:], flags=COMPLETE)
    rest = "which had been acknowledged before the page was requested."
    assert sentences(run.verdict("history-gap")) == [
        f"A complete page that u2 read lacks message 1 of u2 in c1, {rest}",
        f"A complete page that an administrator read lacks message 0 of u1 in c1, {rest}",
    ]


def test_a_slice_names_the_entries_around_what_is_missing():
    run = small_run()
    page(run, 3, 20, ALL[1], ALL[2], (2, 99), ALL[4])
    (sentence,) = sentences(run.verdict("history-gap"))
    assert sentence == (
        "A page that u3 read has message 1 of u2 in c1 and message 4 of u2 in c1, but lacks "
        "message 3 of u1 in c1, which was sent after the first of these was acknowledged, and "
        "acknowledged before the second one was sent."
    )


@pytest.mark.parametrize("last", [(2, 99), (2, 4)])
def test_only_messages_of_which_the_send_is_known_begin_or_end_a_slice(last):
    run = small_run()
    page(run, 3, 20, ALL[0], last)
    assert found(run) == ((3, 3) if last == ALL[4] else (0, 0))


def test_a_message_of_which_no_send_is_known_misplaces_no_other():
    run = small_run()
    page(run, 3, 20, ALL[0], (2, 99), ALL[2], ALL[3])
    page(run, 3, 21, ALL[0], ALL[4])
    assert found(run) == (1 + 3, 2 + 3)


def test_a_slice_with_a_single_entry_shows_nothing():
    run = small_run()
    page(run, 3, 20, ALL[0], ALL[2])
    page(run, 3, 21, ALL[1])
    assert found(run) == (1, 1)


@pytest.mark.parametrize(("took_s", "missing"), [(1.0, 1), (1.0 - NS, 2)])
def test_what_is_sent_when_an_entry_is_acknowledged_does_not_lie_behind_it(took_s, missing):
    run = SmallRun((1, 2, 3))
    run.send(1, 0, 10, sseq=1, took_s=took_s)
    for number in (2, 3, 4):
        run.send(1, 0, 9 + number, sseq=number)
    page(run, 3, 20, (1, 1), (1, 4))
    assert found(run) == (missing, missing)


@pytest.mark.parametrize(("took_s", "missing"), [(1.0, 0), (1.0 - NS, 1)])
def test_what_is_acknowledged_when_an_entry_is_sent_does_not_lie_before_it(took_s, missing):
    run = SmallRun((1, 2, 3))
    run.send(1, 0, 10, sseq=1)
    run.send(1, 0, 12, sseq=2, took_s=took_s)
    run.send(1, 0, 13, sseq=3)
    page(run, 3, 20, (1, 1), (1, 3))
    assert found(run) == (missing, missing)


@pytest.mark.parametrize(("took_s", "missing"), [(1.0, 2), (1.0 - NS, 0)])
def test_what_is_sent_when_another_is_acknowledged_may_be_placed_before_it(took_s, missing):
    """Otherwise, both are misplaced, and no page that has one of them is compared."""
    run = SmallRun((1, 2, 3))
    run.send(1, 0, 10, sseq=1, took_s=took_s)
    run.send(1, 0, 11, sseq=2)
    run.send(1, 0, 13, sseq=3)
    run.send(1, 0, 15, sseq=4)
    page(run, 3, 20, (1, 2), (1, 1), (1, 4))
    page(run, 3, 21, (1, 2), (1, 4))
    assert found(run) == (missing, missing)


@pytest.mark.parametrize(
    ("unjudged", "missing"), [([], 5), (["realtime"], 1), (["sender-fifo", "realtime"], 0)]
)
def test_without_an_order_of_each_sender_only_complete_pages_are_compared(unjudged, missing):
    """Between the entries of the slice, there are one message of their sender, and four others."""
    run = small_run(messages=7)
    run.declare(unjudged=unjudged)
    page(run, 3, 21, (1, 0), (1, 6))
    page(run, 3, 22, *ALL[1:], flags=COMPLETE, requested_s=14.5)
    assert found(run) == (1 + missing, 5 + missing)


@pytest.mark.parametrize("took_s", [1.0, 1.0 - NS])
def test_an_entry_that_touches_another_hides_no_omission(took_s):
    """The second entry was acknowledged when the last one was sent; the one before is missing."""
    run = SmallRun((1, 2, 3))
    for number in (1, 2):
        run.send(1, 0, 10 + number, sseq=number)
    run.send(1, 0, 13, sseq=3, took_s=took_s)
    run.send(1, 0, 14, sseq=4)
    page(run, 3, 20, (1, 1), (1, 3), (1, 4))
    assert found(run)[0] == 1


def two_authors():
    """Return a run of which only the order of each author's messages is promised."""
    run = SmallRun((1, 2, 3))
    for number in range(1, 7):
        run.send(1, 0, 10 + number, author=number % 2 + 1, sseq=number)
    run.declare(unjudged=["realtime"])
    return run


def test_without_an_order_across_senders_messages_of_the_same_one_are_compared():
    """The first and the last are the only messages of u1 that the slice has, or of u2."""
    run = two_authors()
    page(run, 3, 20, (1, 2), (1, 6))
    page(run, 3, 21, (2, 1), (2, 5))
    page(run, 3, 22, (2, 1), (1, 6))
    page(run, 3, 23, (1, 6), (2, 1), (2, 3))
    assert found(run) == (2, 2)
    first, second = sentences(run.verdict("history-gap"))
    assert "but lacks message 4 of u1 in c1, which" in first
    assert "but lacks message 3 of u2 in c1, which" in second


def test_slices_and_complete_pages_are_counted_side_by_side():
    run = two_authors()
    page(run, 3, 20, (1, 2), (1, 6))
    page(run, 3, 21, *((number % 2 + 1, number) for number in range(2, 7)), flags=COMPLETE)
    assert found(run) == (1 + 1, 1 + 6)


def test_slices_of_each_sender_may_leave_out_those_of_their_reader_without_an_echo():
    run = two_authors()
    run.without = SELF_ECHO
    for at, user in enumerate((1, 2, 3)):
        page(run, user, 20 + at, (1, 2), (2, 1), (1, 6), (2, 5))
    assert found(run) == (1 + 1 + 2, 1 + 1 + 2)
    witnesses = run.verdict("history-gap").witnesses
    messages = run.history().messages
    named = [(each.user, messages.sseq[each.messages[0]]) for each in witnesses]
    assert sorted(named) == [(1, 3), (2, 4), (3, 3), (3, 4)]


@pytest.mark.parametrize(("sseq", "missing"), [(0, 4), (1, 0), (9, 0)])
@pytest.mark.parametrize("required", [["history-gap"], ["history-gap", "phantom"]])
def test_a_page_with_a_forged_entry_concerns_another_check(sseq, missing, required):
    """Where that one does not fail the run, or the entry names no message, this one does."""
    run = small_run(checks={"required": required})
    run.add(Kind.PAGE, 20, ref_ns=ns(20), conv=1, link=2, peer=2, spare=COMPLETE)
    copy = {"conv": 1, "link": 2, "peer": 1}
    run.add(Kind.RECEIVE, 20, **copy, sseq=0, flags=Channel.HISTORY)
    run.add(Kind.RECEIVE, 20, **copy, sseq=sseq, flags=Channel.HISTORY | Flag.FOREIGN)
    assert found(run)[0] == (missing if "phantom" in required else 4)


@pytest.mark.parametrize(("first", "missing"), [(1, 4), (2, 0)])
def test_a_late_member_is_owed_nothing_where_no_message_has_a_position(first, missing):
    run = small_run()
    for user in (1, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=first)
    page(run, 2, 20, ALL[0], flags=COMPLETE)
    assert found(run)[0] == missing


def change(run, at_s, event):
    """Let an administrator add or remove user 2."""
    known = {"conv": 1, "link": 1, "peer": 2, "sseq": event, "spare": ProbeResult.GRANTED}
    run.add(Kind.MEMBERSHIP, at_s + 0.2, **known, ref_ns=ns(at_s))


@pytest.mark.parametrize(("at_s", "missing"), [(18, 1 + 1), (12.5, 0), (11.7, 0)])
def test_a_member_is_owed_what_was_sent_in_their_stay(at_s, missing):
    """They were out from 11.5 s to 13.5 s, of which only the times are known."""
    run = small_run(target={"adapter": RECORDED})
    for user in (1, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    change(run, 11.5, RoomEvent.REMOVED)
    change(run, 13.3, RoomEvent.ADDED)
    run.send(1, 0, 16, author=1, sseq=6)
    page(run, 2, at_s, ALL[0], flags=COMPLETE)
    page(run, 2, at_s + 0.1, ALL[0], (1, 6))
    assert found(run)[0] == missing + (at_s == 18)


def test_what_was_handed_over_need_not_be_stored():
    run = small_run()
    (index,) = run.story.at(Kind.ACK, sseq=3)
    run.story.change(index, flags=Flag.HANDED_OVER)
    page(run, 2, 20, *ALL[:3], flags=COMPLETE)
    assert found(run) == (1, 4)


def test_a_message_that_was_acknowledged_without_an_attempt_is_not_required():
    run = small_run()
    run.story.records = [
        each for each in run.story.records if (each.kind, each.sseq) != (Kind.ATTEMPT, 3)
    ]
    page(run, 2, 20, *ALL[:3], flags=COMPLETE)
    assert found(run) == (1, 4)


@pytest.mark.parametrize(("required", "missing"), [([], 1), (["lost-acked"], 0)])
def test_what_is_lost_concerns_another_check(required, missing):
    run = small_run(checks={"required": ["history-gap", *required]})
    lost = ALL[3]
    for author, number in ALL:
        if (author, number) != lost:
            known = {"conv": 1, "peer": author, "sseq": number, "flags": Channel.AUDIT}
            run.add(Kind.AUDIT, 33, **known)
    run.add(Kind.HEAD, 33, conv=1)
    page(run, 2, 20, *ALL[:3], ALL[4], flags=COMPLETE)
    assert found(run)[0] == missing


def test_a_slice_may_lack_what_was_not_to_be_kept():
    run = small_run()
    run.traits = Traits(retention=Retention(count=3))
    page(run, 2, 20, ALL[0], ALL[4])
    assert found(run) == (2, 2)


def test_where_any_number_of_foreign_messages_may_follow_none_need_be_kept_by_their_number():
    run = small_run()
    run.traits = Traits(retention=Retention(count=5))
    page(run, 2, 20, *ALL[4:], flags=COMPLETE)
    assert found(run)[0] == 4
    run.deliver(1, 77, 19, 3, flags=Flag.FOREIGN)
    assert found(run) == (0, 0)


@pytest.mark.parametrize(("error_s", "missing"), [(0, 3), (0.4, 3), (0.6, 2)])
def test_clocks_that_differ_may_make_messages_expire_earlier(error_s, missing):
    """The page was answered at 20 s, 9 s after the second message was sent."""
    run = small_run()
    run.traits = Traits(retention=Retention(age_s=9.5))
    run.declare(clock_error_ns=round(error_s * 1e9))
    page(run, 2, 20, *ALL[4:], flags=COMPLETE)
    assert found(run)[0] == missing


@pytest.mark.parametrize("seed", range(30))
def test_omissions_are_counted_message_by_message(seed):
    """In any order, so that pages show nothing of disorder."""
    random = Random(seed)
    run = SmallRun((1, 2, 3), (1, 2, 3))
    run.without = random.choice(["", SELF_ECHO])
    messages = []
    for number in range(random.randint(1, 12)):
        conv, author = random.randint(1, 2), random.randint(1, 3)
        sent_s, took_s = 10 + number / 2, random.choice([0.1, 0.7, 3])
        end = random.choice([Kind.ACK, Kind.ACK, Kind.ACK, Kind.UNKNOWN])
        run.send(conv, 0, sent_s, author=author, sseq=number, took_s=took_s, end=end)
        acked_s = sent_s + took_s if end == Kind.ACK else 99
        messages.append((conv, author, number, sent_s, acked_s))
    expected = [0, 0]
    for at in range(random.randint(1, 6)):
        conv, user = random.randint(1, 2), random.randint(0, 3)
        own = [each for each in messages if each[0] == conv]
        listed = random.sample(own, random.randint(0, len(own)))
        complete = random.random() < 0.5
        requested_s = random.uniform(10, 20)
        flags = PageFlag.ENTRIES | (PageFlag.LAST if complete else 0)
        entries = [each[1:3] for each in listed]
        page(run, user, 24 + at / 10, *entries, flags=flags, requested_s=requested_s, conv=conv)
        after_s = 0 if complete else min((each[4] for each in listed), default=99)
        before_s = requested_s if complete else max((each[3] for each in listed), default=0)
        due = [each for each in own if each[3] > after_s and each[4] < min(before_s, 90)]
        if run.without:
            due = [each for each in due if each[1] != user]
        expected[0] += len(set(due) - set(listed))
        expected[1] += len(due)
    assert found(run) == tuple(expected)
