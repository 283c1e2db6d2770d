"""The ops that the metrics look at one by one: those without an acknowledgement in time."""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics.slow_sends import slow_sends


def test_ops_without_an_acknowledgement_are_slow(history, good_story):
    story = good_story(1)
    read = history(story)
    found = slow_sends(read)
    refused, unknown = story.reconciliation["rejected"], story.reconciliation["unknown"]
    assert ((~found.acked).sum(), found.given_up.sum()) == (refused + unknown, unknown)
    assert refused + unknown > 0


def test_an_op_is_slow_if_its_first_attempt_timed_out(history, good_story):
    story = good_story(1)
    (index, *_) = story.at(Kind.ACK)
    acked = story.records[index]
    (attempt, *_) = story.at(Kind.ATTEMPT, conv=acked.conv, peer=acked.peer, sseq=acked.sseq)
    timeout_ns = int(history(story).scenario.load.attempt_timeout * NS_PER_S)
    begun_ns = story.records[attempt].t_ns
    for took_ns, count in ((timeout_ns, 0), (timeout_ns + 1, 1)):
        story.change(index, t_ns=begun_ns + took_ns)
        found = slow_sends(history(story))
        at = np.flatnonzero(found.acked_ns == begun_ns + took_ns)
        assert at.size == count
        assert (found.acked_ns[at] != NEVER).all()
        assert (found.first_attempt_ns[at] == begun_ns).all()
