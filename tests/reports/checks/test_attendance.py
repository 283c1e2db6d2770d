"""Since when it is certain that a user is gone."""

import numpy as np
import pytest

from gauntlet.core.history import Kind
from gauntlet.reports.checks._attendance import Observed, Stays
from gauntlet.reports.checks._departures import Departures

from ..small_runs import NS, SmallRun, ns

SERVER = {"target": {"server": {"ping_ms": 1000, "grace_ms": 4000}}}  # a lease of 3 s


def is_gone(run, at_s):
    """Return whether user 2 is certainly gone in an answer that came at once."""
    history = run.history()
    now_ns = np.array([ns(at_s)])
    (gone,) = Stays(history, Departures(history)).gone(2, Observed(now_ns, now_ns)).tolist()
    return gone


def end(run, at_s, *, link, code=1000):
    """Let user 2 go away on purpose when a connection of theirs ends."""
    run.add(Kind.OFFLINE, at_s, link=link, peer=2)
    run.add(Kind.DISCONNECT, at_s, link=link, peer=2, spare=code)


@pytest.mark.parametrize(
    ("at_s", "gone"), [(25, False), (25 + NS, True), (30 - NS, True), (30, False), (31, False)]
)
def test_a_user_is_gone_after_all_waiting_unless_a_fault_was_requested(at_s, gone):
    run = SmallRun((1, 2), **SERVER)
    end(run, 10, link=2)
    run.fault(30, None)
    assert is_gone(run, at_s) == gone


@pytest.mark.parametrize("codes", [(1000, 1000), (1000, 1006), (1006, 1000), (1006, 1006)])
def test_whose_connections_end_at_once_is_gone_only_if_none_was_lost(codes):
    run = SmallRun((1, 2), **SERVER)
    run.connect(2, 0, link=4, device="d1")
    for link, code in zip((2, 4), codes, strict=True):
        end(run, 10, link=link, code=code)
    assert is_gone(run, 30) == (codes == (1000, 1000))


@pytest.mark.parametrize(("lost_s", "gone"), [(10 - NS, True), (10 + NS, False)])
def test_the_connection_that_ends_last_shows_whether_a_user_is_gone(lost_s, gone):
    run = SmallRun((1, 2), **SERVER)
    run.connect(2, 0, link=4, device="d1")
    end(run, 10, link=2)
    end(run, lost_s, link=4, code=1006)
    assert is_gone(run, 30) == gone


def test_a_user_departs_with_each_connection_that_they_closed():
    run = SmallRun((1, 2), **SERVER)
    for link, at_s, code in ((2, 20, 1000), (4, 10, 1000), (6, 15, 1006)):
        if link != 2:
            run.connect(2, 0, link=link, device=f"d{link}")
        end(run, at_s, link=link, code=code)
    history = run.history()
    stays = Stays(history, Departures(history))
    assert stays.departures_ns(2) == [ns(10), ns(20)]
    assert stays.departures_ns(1) == []
