"""When a rate of durable messages is held."""

from benchmarks.load.durable import DurableTrial


def test_a_rate_with_losses_or_a_growing_queue_is_not_held():
    assert DurableTrial(1, 0, 1.0, 1.0).held
    assert not DurableTrial(1, 1, 1.0, 1.0).held
    assert not DurableTrial(1, 0, 1.0, 1001.0).held


def test_the_response_time_is_shown():
    assert str(DurableTrial(5, 0, 1.0, 7.0)) == "5/s: 0 lost, lag p99 1.0 ms, response p99 7 ms"
