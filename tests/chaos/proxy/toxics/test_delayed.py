"""The queue and the timer that all delaying stages share."""


def test_a_stage_counts_the_bytes_that_it_holds(run_stage):
    """Backpressure depends on `held_bytes`."""
    slow = run_stage("latency", latency=100)
    slow.stage.feed(b"abc")
    slow.stage.feed(b"de")
    assert slow.stage.held_bytes == 5
    slow.clock.advance(1)
    assert slow.stage.held_bytes == 0
    assert slow.reading_adjustments >= 1, "the host was not notified that bytes were forwarded"


def test_bytes_after_the_end_are_dropped(run_stage):
    """A later stage may have ended the stream already."""
    slow = run_stage("latency", latency=100)
    slow.stage.end()
    slow.stage.feed(b"late")
    slow.clock.advance(1)
    assert (slow.forwarded, slow.ended_s) == ([], 0)


def test_a_stage_has_at_most_one_timer(run_stage):
    """Thousands of connections stay cheap, however many chunks wait."""
    slow = run_stage("latency", latency=100)
    for _ in range(100):
        slow.stage.feed(b"x")
    assert slow.clock.pending == 1


def test_cancel_drops_waiting_bytes_and_timers(run_stage):
    """The connection has ended."""
    slow = run_stage("latency", latency=100)
    slow.stage.feed(b"x")
    slow.stage.cancel()
    slow.clock.advance(1)
    assert (slow.forwarded, slow.clock.pending) == ([], 0)
