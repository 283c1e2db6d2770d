"""Scheduled calls without a clock."""

from gauntlet.scenarios.client.timers import Timers


def test_due_calls_are_made_once_in_the_order_of_their_times():
    """Calls for the same time are made in the order in which they were scheduled."""
    timers, calls = Timers(), []
    for at_ns, name in ((30, "c"), (10, "a"), (10, "b"), (50, "late")):
        timers.at(at_ns, lambda name=name: calls.append(name))
    timers.run_due(30)
    timers.run_due(30)
    assert calls == ["a", "b", "c"]
    assert timers.next_ns == 50


def test_a_due_call_scheduled_by_a_call_is_made_in_the_same_run():
    timers, calls = Timers(), []
    timers.at(1, lambda: timers.at(2, lambda: calls.append("second")))
    timers.run_due(5)
    assert calls == ["second"]
    assert timers.next_ns is None
