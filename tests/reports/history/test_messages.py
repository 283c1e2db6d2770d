"""What is known of each message: where it is, how its send ended, and when."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, Miss
from gauntlet.reports.history.arrays import NEVER

from ..small_runs import SmallRun, ns

OWN = {"conv": 1, "link": 1, "peer": 1, "sseq": 1}


def message_of(run):
    """Return the only message, field by field."""
    messages = run.history().messages
    assert len(messages) == 1
    fields = {name: column for name, column in vars(messages).items() if name != "of_record"}
    return {name: column.tolist()[0] for name, column in fields.items()}


def sent(end=Kind.ACK, **changed):
    """Return a run with one message, whose end has changed fields."""
    run = SmallRun((1, 2))
    run.send(1, 1, 10, end=end, took_s=0.5)
    run.story.change(run.story.at(end)[0], **changed)
    return run


@pytest.mark.parametrize(
    ("end", "changed", "known"),
    [
        (Kind.ACK, {}, {"acked": True, "acked_ns": ns(10.5), "unanswered_ns": NEVER}),
        (
            Kind.ACK,
            {"flags": Flag.HANDED_OVER},
            {"acked": True, "handed_over": True, "acked_ns": ns(10.5)},
        ),
        (Kind.REJECT, {}, {"rejected": True, "unanswered_ns": NEVER}),
        (Kind.REJECT, {"spare": 0}, {"rejected": True, "untried": True}),
        (Kind.UNKNOWN, {}, {"given_up": True, "unanswered_ns": ns(10.5)}),
    ],
)
def test_a_send_ends_in_one_way(end, changed, known):
    found = message_of(sent(end, **changed))
    ways = ("acked", "handed_over", "rejected", "untried", "given_up")
    assert {name: found[name] for name in ways} == dict.fromkeys(ways, False) | {
        name: value for name, value in known.items() if name in ways
    }
    assert {name: found[name] for name in known} == known
    assert (found["sent"], found["ended_ns"]) == (True, ns(10.5))
    assert found["unanswered_ns"] == (ns(10.5) if found["given_up"] or found["untried"] else NEVER)
    assert found["handed_ns"] == found["first_attempt_ns"] == found["intended_ns"] == ns(10)


def test_what_was_only_seen_was_not_sent():
    run = SmallRun((1, 2))
    run.deliver(1, 1, 12, 2, ref_ns=ns(11))
    found = message_of(run)
    assert [found[name] for name in ("sent", "acked", "rejected", "stored")] == [False] * 4
    assert (found["position"], found["intended_ns"]) == (1, ns(11))
    times = ("handed_ns", "first_attempt_ns", "acked_ns", "unanswered_ns", "ended_ns")
    assert [found[name] for name in times] == [NEVER] * 5


def test_the_first_of_several_records_counts():
    run = sent()
    run.add(Kind.ATTEMPT, 10.1, **OWN, spare=2)
    run.add(Kind.ACK, 11, **OWN, spare=2, seq=9)
    found = message_of(run)
    assert (found["first_attempt_ns"], found["acked_ns"]) == (ns(10), ns(10.5))
    assert found["position"] == 1


@pytest.mark.parametrize(
    ("acked", "stored", "received", "position"),
    [(4, 5, 6, 5), (0, 5, 6, 5), (4, 0, 6, 4), (0, 0, 6, 6), (4, 0, 0, 4), (0, 0, 0, 0)],
)
def test_the_position_is_that_of_the_store_or_the_answer_or_a_receiver(
    acked, stored, received, position
):
    run = sent(seq=acked)
    run.deliver(1, 1, 12, 2, seq=received)
    run.add(Kind.AUDIT, 33, **OWN | {"link": 0}, seq=stored, flags=Channel.AUDIT)
    found = message_of(run)
    assert (found["position"], found["stored"]) == (position, True)


@pytest.mark.parametrize("flag", [Flag.FOREIGN, Flag.LEFTOVER, Flag.ROOM_EVENT])
def test_what_is_no_message_of_the_run_has_none(flag):
    run = sent()
    run.deliver(1, 1, 12, 2, flags=flag)
    run.deliver(1, 1, 13, 2)
    history = run.history()
    shown = history.records["kind"] == Kind.DELIVER
    assert history.messages.of_record[shown].tolist() == [-1, 0]


def test_messages_differ_in_conversation_author_or_number():
    run = SmallRun((1, 2), (1, 2))
    for conv, author, number in ((2, 1, 1), (1, 2, 1), (1, 1, 2), (1, 1, 1), (1, 1, 2)):
        run.deliver(conv, number, 12, 1, author=author)
    messages = run.history().messages
    columns = (messages.conv, messages.author, messages.sseq)
    found = list(zip(*(column.tolist() for column in columns), strict=True))
    assert found == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)]


def test_an_arrival_without_a_sender_is_no_full_queue():
    run = SmallRun((1, 2))
    for at_s, reason in ((10, Miss.NO_SENDER), (11, Miss.QUEUE), (12, Miss.BACKLOG)):
        run.add(Kind.MISSED, at_s + 0.5, ref_ns=ns(at_s), spare=reason)
    missed = run.history().missed
    assert missed.intended_ns.tolist() == [ns(10), ns(11), ns(12)]
    assert missed.missed_ns.tolist() == [ns(10.5), ns(11.5), ns(12.5)]
    assert missed.backlog_full.tolist() == [False, True, True]


def test_a_message_is_described_by_its_first_op_also_if_it_is_seen_before():
    run = SmallRun((1, 2))
    run.deliver(1, 1, 9, 2, ref_ns=ns(1))
    run.add(Kind.OP, 10, **OWN, ref_ns=ns(9.5))
    run.add(Kind.OP, 11, **OWN, ref_ns=ns(10.5))
    found = message_of(run)
    assert (found["intended_ns"], found["handed_ns"]) == (ns(9.5), ns(10))


def test_the_position_of_one_message_is_not_that_of_another():
    run = SmallRun((1, 2))
    run.send(1, 5, 10)
    for number in (6, 7, 9):
        run.send(1, number, 11, end=Kind.UNKNOWN)
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=7, seq=8, flags=Channel.AUDIT)
    run.deliver(1, 9, 12, 2, seq=10)
    messages = run.history().messages
    assert messages.sseq.tolist() == [5, 6, 7, 9]
    assert messages.position.tolist() == [5, 0, 8, 10]
    assert messages.stored.tolist() == [False, False, True, False]
