"""The order of one sender's messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import Kind
from gauntlet.reports.checks.sender_fifo import _earliest_after

from ..small_runs import NS, SmallRun, sentences

NEVER = int(np.iinfo(np.int64).max)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=30),
    st.lists(st.integers(0, 30) | st.just(NEVER), min_size=10, max_size=10),
    st.sampled_from([1, 1 << 57]),
)
def test_the_backward_scan_finds_the_earliest_later_acknowledgement(deliveries, times, unit_ns):
    """Compared with the definition, stream by stream, also for times that are far apart."""
    acked_ns = [time if time == NEVER else time * unit_ns for time in times]
    deliveries.sort(key=lambda delivery: delivery[0])
    stream = np.array([stream for stream, _ in deliveries], dtype=np.int64)
    message = np.array([message for _, message in deliveries], dtype=np.int64)
    expected = [
        min(
            (acked_ns[later] for other, later in deliveries[at + 1 :] if other == own_stream),
            default=NEVER,
        )
        for at, (own_stream, _) in enumerate(deliveries)
    ]
    assert _earliest_after(stream, np.array(acked_ns)[message]).tolist() == expected


def test_messages_whose_sends_overlap_may_arrive_in_any_order(verdict, good_story, break_it):
    """The second attempt began before the first message was acknowledged."""
    story = good_story(1)
    messages = break_it("exchange_positions", story)
    for conv, author, sseq in messages:
        for index in story.at(Kind.ATTEMPT, conv=conv, peer=author, sseq=sseq):
            story.change(index, t_ns=0)
    assert verdict("sender-fifo", story).outcome == "valid"


def test_the_witness_names_the_earliest_acknowledged_message_that_came_later():
    run = SmallRun((1, 2))
    for seq in (1, 2, 3, 4):
        run.send(1, seq, 10 + seq)
    for at, seq in enumerate((1, 4, 3, 2)):
        run.deliver(1, seq, 20 + at, 2)
    assert sentences(run.verdict("sender-fifo")) == [
        f"u2 received message {second} of u1 in c1 before message 2, which had been acknowledged "
        "before the other was sent."
        for second in (4, 3)
    ]


def two_messages(took_s=0.1):
    """Return a run in which u2 receives the second of two messages first, sent 1 s later."""
    run = SmallRun((1, 2))
    run.send(1, 1, 10, took_s=took_s)
    run.send(1, 2, 11)
    run.deliver(1, 2, 20, 2)
    run.deliver(1, 1, 21, 2)
    return run


@pytest.mark.parametrize(("took_s", "count"), [(1, 0), (1 - NS, 1)])
def test_a_message_that_is_sent_when_another_is_acknowledged_may_overtake_it(took_s, count):
    found = two_messages(took_s).verdict("sender-fifo")
    assert (found.count, found.examined) == (count, 2)


@pytest.mark.parametrize(
    ("deliveries", "outcome"), [(0, "unknown"), (1, "unknown"), (2, "valid"), (3, "valid")]
)
def test_two_deliveries_are_needed_for_a_verdict(deliveries, outcome):
    run = SmallRun((1, 2))
    for seq in range(1, deliveries + 1):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 10.2 + seq, 2)
    found = run.verdict("sender-fifo")
    assert (found.outcome, found.examined) == (outcome, deliveries)
