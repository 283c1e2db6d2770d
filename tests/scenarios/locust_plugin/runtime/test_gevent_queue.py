"""The queue of calls from another thread to gevent's hub."""

import gevent
from gevent import monkey

from gauntlet.scenarios.locust_plugin.runtime.gevent_queue import GeventQueue

start_thread = monkey.get_original("_thread", "start_new_thread")


def test_all_calls_of_another_thread_are_made_in_their_order():
    queue, numbers = GeventQueue(), []

    def post():
        for number in range(1_000):
            queue.post(lambda number=number: numbers.append(number))
        queue.post(queue.close)

    start_thread(post, ())
    with gevent.Timeout(60):
        while not queue.closing:
            gevent.sleep(0.001)
    assert numbers == list(range(1_000))


def test_closing_releases_waiting_results_and_calls_the_callbacks():
    """A result that was set keeps its value, any other becomes None."""
    queue, callbacks = GeventQueue(), []
    set_before, waiting = queue.new_result(), queue.new_result()
    queue.on_closing.append(lambda: callbacks.append("called"))
    set_before.set("answer")
    queue.close()
    assert (set_before.get(), waiting.get(timeout=30)) == ("answer", None)
    assert callbacks == ["called"]
