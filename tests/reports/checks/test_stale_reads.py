"""Which reads of the end of a conversation knew less than was known before them."""

import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.checks._stale_reads import stale_reads

from ..small_runs import SmallRun


def chat(*, stored, received=()):
    """Return a run with three messages in each of two rooms, of which some are not stored."""
    run = SmallRun((1, 2), (1, 2))
    for conv in (1, 2):
        for seq in (1, 2, 3):
            run.send(conv, seq, 10 + seq)
            if (conv, seq) in received:
                run.deliver(conv, seq, 15, 2)
        of_conv = [seq for seq in (1, 2, 3) if (conv, seq) in stored]
        run.audit(conv, *of_conv, head=max(of_conv, default=0))
    return run


def stale(run):
    """Return which reads were stale, in the order of their records."""
    found = stale_reads(run.history())
    assert found.known.tolist() == [3] * found.records.size
    return found.stale.tolist()


def all_but(*lost):
    return [(conv, seq) for conv in (1, 2) for seq in (1, 2, 3) if (conv, seq) not in lost]


@pytest.mark.parametrize(("last", "is_stale"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_read_that_ends_before_what_was_known_is_stale(last, is_stale):
    run = chat(stored=all_but())
    run.page(1, 2, 20, after=0, last=last, entries=last)
    assert stale(run) == [is_stale]


@pytest.mark.parametrize(
    ("lost", "received", "last", "is_stale"),
    [
        ([(2, 3)], [], 2, False),
        ([(2, 3)], [], 1, True),
        ([(2, 2), (2, 3)], [], 1, False),
        ([(2, 2)], [], 1, True),
        ([(2, 1), (2, 2), (2, 3)], [], 0, False),
        # Messages that are lost elsewhere say nothing of this end.
        ([(1, 2), (1, 3), (2, 1), (2, 3)], [], 2, False),
        ([(1, 2), (1, 3), (2, 1)], [], 2, True),
        # What was received has been in the history.
        ([(2, 3)], [(2, 3)], 2, True),
        ([(2, 1), (2, 2), (2, 3)], [(2, 1)], 0, True),
        ([(2, 3)], [(1, 3), (2, 2)], 2, False),
    ],
)
def test_a_read_that_lacks_only_lost_messages_at_its_end_is_not_stale(
    lost, received, last, is_stale
):
    run = chat(stored=all_but(*lost), received=received)
    run.page(2, 2, 20, after=0, last=last, entries=last)
    assert stale(run) == [is_stale]


@pytest.mark.parametrize("traits", [Traits(deletes=True), Traits(expires=True)])
def test_where_messages_may_disappear_no_read_is_stale(traits):
    run = chat(stored=all_but())
    run.page(1, 2, 20, after=0, last=1, entries=1)
    run.traits = traits
    assert stale(run) == [False]


@pytest.mark.parametrize(("last", "is_stale"), [(2, True), (3, False)])
def test_the_audit_may_read_everything(last, is_stale):
    run = chat(stored=all_but())
    run.page(1, 0, 33, after=0, last=last, entries=last)
    assert stale(run) == [is_stale]


@pytest.mark.parametrize(("until", "is_stale"), [(2, False), (3, True), (0, True)])
def test_a_read_of_a_member_who_left_may_end_where_they_left(until, is_stale):
    run = chat(stored=all_but())
    run.add(Kind.RANGE, 33, conv=1, peer=1, seq=1, sseq=until)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=1)
    run.page(1, 1, 20, after=0, last=2, entries=2)
    assert stale(run) == [is_stale]


def test_a_read_of_a_member_whose_range_is_not_known_is_never_stale():
    run = chat(stored=all_but())
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=1)
    run.page(1, 1, 20, after=0, last=2, entries=2)
    assert stale(run) == [False]
