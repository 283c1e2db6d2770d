"""bandwidth."""

import msgspec
import pytest


def test_bytes_take_their_time(bench):
    """480 KB at 1,000 KB/s take 480 ms, in parts of at most 100 ms."""
    narrow = bench("bandwidth", rate=1000)
    narrow.stage.feed(b"x" * 480_000)
    narrow.clock.advance(2)
    assert narrow.times_s == [0.1, 0.2, 0.3, 0.4, 0.48]
    assert len(narrow.data) == 480_000


def test_small_chunks_keep_the_rate(bench):
    """Many small chunks leave at the rate, although timers are coarse."""
    narrow = bench("bandwidth", rate=10)
    for _ in range(100):
        narrow.stage.feed(b"x" * 10)
    narrow.clock.advance(0.05)
    assert len(narrow.data) == pytest.approx(500, abs=20)
    narrow.clock.advance(10)
    assert narrow.times_s[-1] == pytest.approx(0.1, abs=0.001)


def test_rate_zero_stalls_and_loses_nothing(bench):
    """Nothing passes, nothing is lost, and removal lets all of it go, the end included."""
    shut = bench("bandwidth", rate=0)
    shut.stage.feed(b"abc")
    shut.stage.end()
    shut.clock.advance(100)
    assert (shut.out, shut.ended_s, shut.stage.held) == ([], None, 3)
    shut.stage.release()
    assert (shut.data, shut.ended_s) == (b"abc", 100)


def test_an_update_cuts_what_waits_anew(bench):
    """A stalled block leaves in slices of the new rate, not as one lump."""
    narrow = bench("bandwidth", rate=0)
    narrow.stage.feed(b"x" * 3000)
    narrow.update(rate=10)
    narrow.clock.advance(10)
    assert [len(data) for _, data in narrow.out] == [1000, 1000, 1000]
    assert narrow.times_s == [0.1, 0.2, 0.3]
    assert narrow.stage.held == 0


def test_a_negative_rate_is_refused(bench):
    """Toxiproxy would crash on it."""
    with pytest.raises(msgspec.ValidationError, match="rate must be 0 or more"):
        bench("bandwidth", rate=-1)
