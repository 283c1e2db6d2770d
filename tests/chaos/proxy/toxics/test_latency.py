"""latency."""

from itertools import pairwise


def test_each_chunk_is_delayed_by_the_latency(run_stage):
    """Chunks leave exactly one latency after their arrival, also when they overlap."""
    slow = run_stage("latency", latency=50)
    slow.stage.feed(b"a")
    slow.clock.advance(0.02)
    slow.stage.feed(b"b")
    slow.clock.advance(0.02)
    assert slow.forwarded == []
    slow.clock.advance(1)
    assert slow.forwarded == [(0.05, b"a"), (0.07, b"b")]


def test_jitter_stays_in_its_range_and_preserves_the_order(run_stage):
    """No chunk is earlier or later than latency ± jitter, and none overtakes another."""
    slow = run_stage("latency", latency=100, jitter=40)
    for number in range(200):
        slow.stage.feed(bytes([number]))
        slow.clock.advance(0.5)
    delays_s = [time_s - number * 0.5 for number, time_s in enumerate(slow.times_s)]
    assert slow.data == bytes(range(200))
    assert 0.06 <= min(delays_s) < 0.07
    assert 0.13 < max(delays_s) <= 0.14


def test_a_delayed_chunk_delays_the_chunks_after_it(run_stage):
    """The order is preserved by waiting: times never decrease within a burst."""
    slow = run_stage("latency", latency=100, jitter=90)
    for number in range(50):
        slow.stage.feed(bytes([number]))
    slow.clock.advance(1)
    assert slow.data == bytes(range(50))
    assert all(before <= after for before, after in pairwise(slow.times_s))


def test_the_end_follows_the_last_chunk_and_is_not_delayed_itself(run_stage):
    """On an idle connection the close passes immediately."""
    slow = run_stage("latency", latency=50)
    slow.stage.feed(b"a")
    slow.stage.end()
    slow.clock.advance(1)
    assert (slow.times_s, slow.ended_s) == ([0.05], 0.05)
    idle = run_stage("latency", latency=50)
    idle.stage.end()
    assert idle.ended_s == 0


def test_removal_forwards_held_bytes_immediately(run_stage):
    """Held chunks and the held end are forwarded; no timer remains."""
    slow = run_stage("latency", latency=50)
    slow.stage.feed(b"a")
    slow.stage.feed(b"b")
    slow.stage.end()
    slow.stage.release()
    assert (slow.data, slow.ended_s, slow.clock.pending) == (b"ab", 0, 0)


def test_an_update_of_the_latency_counts_from_the_arrival_of_a_chunk(run_stage):
    """Waiting chunks get the new latency, measured from their arrival."""
    slow = run_stage("latency", latency=5000)
    slow.stage.feed(b"a")
    slow.clock.advance(0.1)
    slow.update(latency=300)
    slow.clock.advance(1)
    assert slow.times_s == [0.3]


def test_a_negative_latency_does_not_delay(run_stage):
    """As in Toxiproxy."""
    slow = run_stage("latency", latency=-100, jitter=-3)
    slow.stage.feed(b"a")
    assert slow.times_s == [0]
