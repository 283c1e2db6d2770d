"""Deadlines as data."""

from gauntlet.scenarios.client.timers import Timers


def test_what_is_due_is_called_in_order_and_once():
    """Calls come in the order of their times, equal times in the order they were asked for."""
    timers, calls = Timers(), []
    for at_ns, name in ((30, "c"), (10, "a"), (10, "b"), (50, "late")):
        timers.at(at_ns, lambda name=name: calls.append(name))
    timers.run_due(30)
    timers.run_due(30)
    assert calls == ["a", "b", "c"]
    assert timers.next_ns == 50


def test_a_call_may_ask_for_the_next_one():
    """A timer set by a timer, and already due, is called in the same run."""
    timers, calls = Timers(), []
    timers.at(1, lambda: timers.at(2, lambda: calls.append("second")))
    timers.run_due(5)
    assert calls == ["second"]
    assert timers.next_ns is None
