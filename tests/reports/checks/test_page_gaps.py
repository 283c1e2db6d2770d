"""What pages omitted is counted as if message by message."""

from random import Random

import pytest

from gauntlet.core.history import Channel, Kind, PageFlag
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.reports.checks._page_gaps import find_gaps

from ..small_runs import SmallRun, ns, sentences

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
    assert found(run) == (1 + 1 + 1, 3 + 1 + 1 + 5)


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
