"""latency."""

from itertools import pairwise


def test_each_chunk_is_late_by_the_latency(bench):
    """Chunks leave exactly one latency after they came, also when they overlap."""
    slow = bench("latency", latency=50)
    slow.stage.feed(b"a")
    slow.clock.advance(0.02)
    slow.stage.feed(b"b")
    slow.clock.advance(0.02)
    assert slow.out == []
    slow.clock.advance(1)
    assert slow.out == [(0.05, b"a"), (0.07, b"b")]


def test_jitter_stays_in_its_range_and_keeps_the_order(bench):
    """With jitter no chunk overtakes another, and none is earlier or later than allowed."""
    slow = bench("latency", latency=100, jitter=40)
    for number in range(200):
        slow.stage.feed(bytes([number]))
        slow.clock.advance(0.5)
    delays_s = [time_s - number * 0.5 for number, time_s in enumerate(slow.times_s)]
    assert slow.data == bytes(range(200))
    assert 0.06 <= min(delays_s) < 0.07
    assert 0.13 < max(delays_s) <= 0.14


def test_a_late_chunk_holds_those_behind_it(bench):
    """Order is kept by waiting: times never decrease within a burst."""
    slow = bench("latency", latency=100, jitter=90)
    for number in range(50):
        slow.stage.feed(bytes([number]))
    slow.clock.advance(1)
    assert slow.data == bytes(range(50))
    assert all(before <= after for before, after in pairwise(slow.times_s))


def test_the_end_comes_after_the_bytes_and_is_not_delayed_itself(bench):
    """The close follows the last chunk; on an idle connection it passes at once."""
    slow = bench("latency", latency=50)
    slow.stage.feed(b"a")
    slow.stage.end()
    slow.clock.advance(1)
    assert (slow.times_s, slow.ended_s) == ([0.05], 0.05)
    idle = bench("latency", latency=50)
    idle.stage.end()
    assert idle.ended_s == 0


def test_removal_hands_everything_on_at_once(bench):
    """Held chunks and the held end flow when the toxic goes; no timer stays."""
    slow = bench("latency", latency=50)
    slow.stage.feed(b"a")
    slow.stage.feed(b"b")
    slow.stage.end()
    slow.stage.release()
    assert (slow.data, slow.ended_s, slow.clock.pending) == (b"ab", 0, 0)


def test_an_update_counts_from_the_arrival(bench):
    """Chunks that wait already get the new latency, measured from when they came."""
    slow = bench("latency", latency=5000)
    slow.stage.feed(b"a")
    slow.clock.advance(0.1)
    slow.update(latency=300)
    slow.clock.advance(1)
    assert slow.times_s == [0.3]


def test_a_negative_latency_is_none(bench):
    """As in Toxiproxy, a negative delay lets bytes pass at once."""
    slow = bench("latency", latency=-100, jitter=-3)
    slow.stage.feed(b"a")
    assert slow.times_s == [0]
