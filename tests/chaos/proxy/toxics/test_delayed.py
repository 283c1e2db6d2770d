"""The queue and timer that delaying stages share."""


def test_a_stage_counts_what_it_holds(bench):
    """`held` follows the bytes in and out, so that back pressure can look at it."""
    slow = bench("latency", latency=100)
    slow.stage.feed(b"abc")
    slow.stage.feed(b"de")
    assert slow.stage.held == 5
    slow.clock.advance(1)
    assert slow.stage.held == 0
    assert slow.moves >= 1, "nobody was told that bytes left"


def test_bytes_after_the_end_are_dropped(bench):
    """A stage that was told the end by a stage in the middle takes no more."""
    slow = bench("latency", latency=100)
    slow.stage.end()
    slow.stage.feed(b"late")
    slow.clock.advance(1)
    assert (slow.out, slow.ended_s) == ([], 0)


def test_one_timer_at_a_time(bench):
    """However much waits, a stage has at most one timer: thousands of connections are cheap."""
    slow = bench("latency", latency=100)
    for _ in range(100):
        slow.stage.feed(b"x")
    assert slow.clock.pending == 1


def test_a_gone_connection_forgets_its_bytes(bench):
    """After `cancel` nothing comes out and no timer is left."""
    slow = bench("latency", latency=100)
    slow.stage.feed(b"x")
    slow.stage.cancel()
    slow.clock.advance(1)
    assert (slow.out, slow.clock.pending) == ([], 0)
