"""The way from another thread to gevent's hub."""

import gevent
from gevent import monkey

from gauntlet.scenarios.locust_plugin.runtime.gevent_queue import Crossing

start_thread = monkey.get_original("_thread", "start_new_thread")


def test_calls_of_another_thread_are_made_here_in_their_order():
    """None is lost, however fast they come."""
    crossing, made = Crossing(), []

    def post():
        for number in range(1_000):
            crossing.post(lambda number=number: made.append(number))
        crossing.post(crossing.end)

    start_thread(post, ())
    with gevent.Timeout(10):
        while not crossing.over:
            gevent.sleep(0.001)
    assert made == list(range(1_000))


def test_nobody_waits_after_the_end():
    """What was set stays, what was not is None, and whoever asked to be told is told."""
    crossing, told = Crossing(), []
    set_before, waiting = crossing.expect(), crossing.expect()
    crossing.at_end.append(lambda: told.append("over"))
    set_before.set("answer")
    crossing.end()
    assert (set_before.get(), waiting.get(timeout=1)) == ("answer", None)
    assert told == ["over"]
