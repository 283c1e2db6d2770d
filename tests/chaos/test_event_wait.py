"""The wait for the moment at which a fault begins."""

import threading

import pytest

from gauntlet.chaos.event_wait import Steps, wait_for
from gauntlet.core import clock
from gauntlet.core.scenario.moments import AfterEvent, FixedTime, RandomTime

MS = 1_000_000


class Counting:
    """Live metrics whose counters grow by one with each look at them."""

    def __init__(self, **counters):
        self.row = counters

    def __call__(self):
        self.row = {key: value + 1 for key, value in self.row.items()}
        return self.row


class Unset(threading.Event):
    """An event that nothing sets: it does not wait, and notes how long it would have."""

    waited_s = 0.0

    def wait(self, timeout=None):
        self.waited_s += timeout
        return False


def wait(moment, live=lambda: None, steps=None, stop=None, t0_ns=None):
    """Wait from now on."""
    t0_ns = clock.now_ns() if t0_ns is None else t0_ns
    return wait_for(moment, t0_ns, live, steps or Steps(), stop or threading.Event())


def test_a_time_is_due_then():
    t0_ns = clock.now_ns()
    assert wait(FixedTime(0.05), t0_ns=t0_ns).due_ns == t0_ns + 50 * MS
    assert clock.now_ns() >= t0_ns + 50 * MS


@pytest.mark.parametrize(
    ("event", "counter"),
    [("sends", "sent"), ("acks", "acked"), ("deliveries", "delivered"), ("reconnects",) * 2],
)
def test_a_counter_of_the_load_is_awaited(event, counter):
    live = Counting(**{counter: 0})
    awaited = wait(AfterEvent(f"3 {event}", by_s=10.0), live)
    assert awaited.due_ns is not None
    assert (awaited.why, awaited.seen) == ("", {event: 3})


def test_a_load_that_has_not_reported_yet_has_counted_nothing():
    awaited = wait(AfterEvent("1 acks", by_s=0.1))
    assert awaited.due_ns is None
    assert awaited.why == "1 acks was awaited until 100 ms; got acks 0"


def test_the_step_of_another_fault_counts_from_when_it_was_reached():
    steps, t0_ns = Steps(), clock.now_ns()
    steps.reach("k", "healed", t0_ns)
    steps.reach("k", "healed", t0_ns + 9_000 * MS)  # the first time counts
    moment, never = AfterEvent("k healed", plus_s=90.0, by_s=100.0), Unset()
    awaited = wait(moment, steps=steps, stop=never, t0_ns=t0_ns)
    assert awaited.due_ns == t0_ns + 90_000 * MS
    assert 30 < never.waited_s <= 90


def test_a_step_that_is_known_late_does_not_shorten_the_fault():
    """Its proof may have taken a second, while its time is that of its begin."""
    steps, t0_ns = Steps(), clock.now_ns()
    steps.reach("k", "effective", t0_ns - 3_000 * MS)
    moment = AfterEvent("k effective", plus_s=0.02, by_s=60.0)
    due_ns = wait(moment, steps=steps, t0_ns=t0_ns).due_ns
    assert t0_ns <= due_ns <= clock.now_ns()


def test_a_step_that_is_not_reached_in_time_is_reported():
    awaited = wait(AfterEvent("k effective", by_s=0.1))
    assert awaited.why == "k effective was awaited until 100 ms; got not yet"


def test_an_event_so_late_that_its_delay_passes_the_latest_begin_is_reported():
    awaited = wait(AfterEvent("1 acks", plus_s=0.4, by_s=0.5), Counting(acked=1), t0_ns=0)
    assert awaited.due_ns is None
    assert awaited.why == "1 acks came so late that 500 ms is past"


@pytest.mark.parametrize("moment", [FixedTime(60), AfterEvent("1 acks", by_s=60.0)])
def test_a_stop_ends_every_wait_without_a_reason(moment):
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    began_ns = clock.now_ns()
    assert wait(moment, stop=stop) == (None, "", {})
    assert clock.now_ns() - began_ns < 30_000 * MS


def test_a_random_time_must_have_been_drawn():
    with pytest.raises(TypeError, match="was not resolved"):
        wait(RandomTime((1.0, 2.0)))
