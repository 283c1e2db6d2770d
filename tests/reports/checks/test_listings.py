"""What pages list, and what is not counted as an entry of a page."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, PageFlag
from gauntlet.core.scenario.capabilities import SELF_ECHO, SERVER_SEQ
from gauntlet.reports import checks
from gauntlet.reports.checks import _listings

from ..small_runs import SmallRun, sentences

DIRECTED = PageFlag.ENTRIES | PageFlag.OLDEST_FIRST


def page(run, user, *numbers, flags=DIRECTED, at_s=20.0, entries=None, author=1, **fields):
    """Let a user, or the audit (0), read a page with these messages, which have no positions."""
    count = len(numbers) if entries is None else entries
    run.add(Kind.PAGE, at_s, conv=1, link=user, peer=count, spare=flags)
    kind, channel = (Kind.DELIVER, Channel.HISTORY) if user else (Kind.AUDIT, Channel.AUDIT)
    known = {"kind": kind, "conv": 1, "link": user, "peer": author, "flags": channel} | fields
    for number in numbers:
        run.add(at_s=at_s, sseq=number, **known)


def page_of_several(run, *messages):
    """Let user 3 read a page with these messages, each of an author and with a number of theirs."""
    run.add(Kind.PAGE, 21, conv=1, link=3, peer=len(messages), spare=DIRECTED)
    for author, number in messages:
        known = {"conv": 1, "link": 3, "peer": author, "sseq": number}
        run.add(Kind.DELIVER, 21, **known, flags=Channel.HISTORY)


def listed(run, of=_listings.listings):
    """Return the numbers of the messages of each page."""
    history = run.history()
    found = of(history)
    rows = {int(at): [] for at in found.page}
    for at, message in zip(found.page.tolist(), found.message.tolist(), strict=True):
        rows[at].append(int(history.messages.sseq[message]))
    return list(rows.values())


@pytest.fixture
def run():
    """Return a run in which u1 sends five messages, one a second; the server tells no positions."""
    run = SmallRun((1, 2, 3))
    for number in range(1, 6):
        run.send(1, 0, 10 + number, sseq=number)
    return run


def test_pages_list_their_messages_in_order(run):
    page(run, 2, 1, 2, 3)
    page(run, 3, 4, 2)
    page(run, 0, 5, 1, at_s=33)
    assert listed(run) == [[1, 2, 3], [4, 2], [5, 1]]


@pytest.mark.parametrize("flags", [0, PageFlag.LISTED, PageFlag.OLDEST_FIRST])
def test_pages_of_a_load_show_no_order(run, flags):
    page(run, 2, 1, 2, 3, flags=flags)
    assert listed(run) == []


def test_only_what_follows_a_page_and_came_with_it_is_an_entry(run):
    page(run, 2, 1, 2, entries=9)
    page(run, 2, 4, 3, entries=9, at_s=21)
    run.deliver(1, 5, 21.5, 2)
    run.add(Kind.PAGE, 22, conv=1, link=2, peer=4, spare=DIRECTED)
    run.deliver(1, 5, 22, 3)
    page(run, 3, 5, 1, 2, entries=2, at_s=23)
    assert listed(run) == [[1, 2], [4, 3], [5, 1]]


def test_foreign_messages_and_repeated_ones_are_left_out(run):
    page(run, 2, 1, 3, 1, 2)
    page(run, 3, 4, 5, flags=DIRECTED, at_s=21)
    page(run, 3, 4, at_s=22, flags=DIRECTED)
    foreign = {"flags": Channel.HISTORY | Flag.FOREIGN}
    run.add(Kind.PAGE, 23, conv=1, link=2, peer=2, spare=DIRECTED)
    run.add(Kind.DELIVER, 23, conv=1, link=2, peer=1, sseq=2, **foreign)
    run.deliver(1, 3, 23, 2, flags=Channel.HISTORY)
    assert listed(run) == [[1, 3, 2], [4, 5], [3]]


def test_pages_in_disorder_are_the_concern_of_another_check(run):
    page(run, 2, 2, 1, flags=DIRECTED | PageFlag.DISORDERED)
    assert listed(run) == []
    run.story.scenario["checks"] = {"required": ["sender-fifo"]}
    assert listed(run) == [[2, 1]]


def test_pages_without_a_known_direction_are_apart(run):
    page(run, 2, 2, 1, flags=PageFlag.ENTRIES)
    page(run, 2, 3, 4, at_s=21)
    assert listed(run, _listings.oldest_first) == [[3, 4]]
    assert listed(run, _listings.in_some_direction) == [[2, 1]]


def test_positions_of_all_messages_are_known_or_not(run):
    run.send(1, 6, 17, sseq=6)
    run.send(1, 7, 18, sseq=7)
    page(run, 2, 6, 7)
    page(run, 2, 5, 6, at_s=21)

    def bare(history):
        return _listings.without_positions(history, _listings.listings(history))

    assert listed(run, bare) == [[5, 6]]


def test_a_page_is_a_reader_of_its_own(run):
    run.deliver(1, 1, 19, 2)
    page(run, 2, 2, 1)
    history = run.history()
    message, reader = _listings.first_presentations(history)
    (at,) = set(_listings.listings(history).page.tolist())
    assert history.messages.sseq[message].tolist() == [1, 2, 1]
    assert reader.tolist()[1:] == [_listings.FIRST_PAGE + at] * 2


def test_a_page_has_the_second_message_before_the_first(run):
    page(run, 2, 1, 3, 2, 4)
    page(run, 0, 5, 4, at_s=33)
    rest = "which had been acknowledged before the other was sent."
    found = run.verdict("sender-fifo")
    assert sentences(found) == [
        f"A page that u2 read has message 3 of u1 in c1 before message 2, {rest}",
        f"A page that an administrator read has message 5 of u1 in c1 before message 4, {rest}",
    ]
    assert (found.count, found.examined) == (2, 6)
    assert [(each.user, len(each.records)) for each in found.witnesses] == [(2, 1), (0, 1)]


def test_what_was_handed_over_may_be_stored_later():
    """It precedes what follows on the same way to a receiver."""
    run = SmallRun((1, 2, 3))
    for number in (1, 2):
        run.send(1, 0, 10 + number, sseq=number)
    run.story.records = [
        record._replace(flags=Flag.HANDED_OVER) if record.kind == Kind.ACK else record
        for record in run.story.records
    ]
    page(run, 2, 2, 1)
    assert run.verdict("sender-fifo").count == 0
    for at_s, number in ((21, 2), (22, 1)):
        run.deliver(1, number, at_s, 3, seq=0)
    assert run.verdict("sender-fifo").count == 1


def test_messages_of_two_senders_in_a_page_have_an_order_in_real_time(run):
    run.send(1, 0, 17, author=2, sseq=1)
    page(run, 3, 1, author=2)
    history = run.history()
    assert history.messages.sent.all()
    page_of_several(run, (1, 1), (2, 1), (1, 2))
    found = run.verdict("realtime")
    assert sentences(found) == [
        (
            "A page that u3 read has message 1 of u2 in c1 before message 2 of u1 in c1, which had "
            "been acknowledged before the other was sent."
        )
    ]
    assert (found.count, found.examined) == (1, 3)


def test_real_time_order_needs_positions_or_pages(run):
    run.without = SERVER_SEQ
    assert run.verdict("realtime").outcome == "not-applicable"
    page(run, 2, 1, 2, 3, flags=PageFlag.ENTRIES)
    assert run.verdict("realtime").outcome == "not-applicable"
    page(run, 2, 1, 2, 3, at_s=21)
    found = run.verdict("realtime")
    assert (found.outcome, found.examined) == ("valid", 3)
    assert "3 messages with a position in a page were sent" in found.sentence


def test_readers_of_pages_disagree():
    """The two messages were under way at the same time; whether they are compared is declared."""
    for flags in (DIRECTED, PageFlag.ENTRIES):
        run = SmallRun((1, 2, 3))
        run.send(1, 0, 10, sseq=1, took_s=5)
        run.send(1, 0, 11, sseq=2, took_s=5)
        page(run, 2, 1, 2, flags=flags)
        page(run, 3, 2, 1, flags=flags)
        found = run.verdict("divergent-order")
        assert (found.outcome, found.count, found.examined) == ("invalid", 1, 2)
        assert run.verdict("causal").count == 0
        run.without = SELF_ECHO
        assert run.verdict("causal").count == 0
        assert run.verdict("divergent-order").outcome == "not-applicable"


@pytest.mark.parametrize("without", ["", SELF_ECHO])
def test_a_page_has_a_reply_before_what_it_answers(without):
    run = SmallRun((1, 2, 3))
    run.without = without
    run.send(1, 0, 10, sseq=1, end=Kind.UNKNOWN)
    run.deliver(1, 1, 11, 2, seq=0)
    run.send(1, 0, 12, sseq=1, author=2)
    page_of_several(run, (2, 1), (1, 1))
    found = run.verdict("causal")
    assert sentences(found) == [
        (
            "A page that u3 read has message 1 of u2 in c1 before message 1 of u1 in c1, which u2 "
            "had received before sending the reply."
        )
    ]
    assert (found.count, found.examined) == (1, 1)
    assert run.verdict("divergent-order").count == 0


def test_only_some_checks_are_content_with_pages():
    content = {
        name: kind.pages_suffice for name, kind in checks.KINDS.items() if kind.pages_suffice
    }
    assert content == {"realtime": "ordered", "history-gap": "listed"}
