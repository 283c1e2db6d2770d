"""The backward scan finds, for each delivery, the earliest acknowledgement behind it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import Kind
from gauntlet.reports.checks.sender_fifo import _earliest_ack_after

NEVER = np.iinfo(np.int64).max


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=30))
def test_the_scan_is_what_it_says(deliveries):
    """Against the definition, stream by stream."""
    deliveries.sort(key=lambda delivery: delivery[0])
    stream = np.array([stream for stream, _ in deliveries], dtype=np.int64)
    acked = np.array([acked for _, acked in deliveries], dtype=np.int64)
    expected = [
        min((other for lane, other in deliveries[at + 1 :] if lane == mine), default=NEVER)
        for at, (mine, _) in enumerate(deliveries)
    ]
    assert _earliest_ack_after(stream, acked).tolist() == expected


def test_messages_that_overlap_have_no_order(verdict, good_story, break_it):
    """A pair whose second attempt began before the first was acknowledged may go either way."""
    story = good_story(1)
    messages = break_it("exchange_positions", story)
    for conv, author, sseq in messages:
        for index in story.at(Kind.ATTEMPT, conv=conv, peer=author, sseq=sseq):
            story.change(index, t_ns=0)
    assert verdict("sender-fifo", story).outcome == "valid"
