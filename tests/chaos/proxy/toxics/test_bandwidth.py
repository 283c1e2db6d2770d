"""bandwidth."""

import msgspec
import pytest


def test_a_large_chunk_leaves_in_slices_at_the_rate(run_stage):
    """480 KB at 1,000 KB/s take 480 ms, in slices of at most 100 ms."""
    narrow = run_stage("bandwidth", rate=1000)
    narrow.stage.feed(b"x" * 480_000)
    narrow.clock.advance(2)
    assert narrow.times_s == [0.1, 0.2, 0.3, 0.4, 0.48]
    assert len(narrow.data) == 480_000


def test_many_small_chunks_leave_at_the_rate(run_stage):
    """The rate holds although timers are coarse."""
    narrow = run_stage("bandwidth", rate=10)
    for _ in range(100):
        narrow.stage.feed(b"x" * 10)
    narrow.clock.advance(0.05)
    assert len(narrow.data) == pytest.approx(500, abs=20)
    narrow.clock.advance(10)
    assert narrow.times_s[-1] == pytest.approx(0.1, abs=0.001)


def test_rate_zero_stalls_and_loses_nothing(run_stage):
    """Nothing passes until the removal, which forwards everything, the end included."""
    shut = run_stage("bandwidth", rate=0)
    shut.stage.feed(b"abc")
    shut.stage.end()
    shut.clock.advance(100)
    assert (shut.forwarded, shut.ended_s, shut.stage.held_bytes) == ([], None, 3)
    shut.stage.release()
    assert (shut.data, shut.ended_s) == (b"abc", 100)


def test_an_update_of_the_rate_splits_waiting_data_again(run_stage):
    """A stalled block leaves in slices of the new rate, not in one piece."""
    narrow = run_stage("bandwidth", rate=0)
    narrow.stage.feed(b"x" * 3000)
    narrow.update(rate=10)
    narrow.clock.advance(10)
    assert [len(data) for _, data in narrow.forwarded] == [1000, 1000, 1000]
    assert narrow.times_s == [0.1, 0.2, 0.3]
    assert narrow.stage.held_bytes == 0


def test_a_negative_rate_is_refused(run_stage):
    """Toxiproxy crashes on it."""
    with pytest.raises(msgspec.ValidationError, match="rate must be 0 or more"):
        run_stage("bandwidth", rate=-1)


@pytest.mark.parametrize(
    ("rate", "size"), [(0, 65_536), (10, 65_536), (100_000, 5_000_000), (10**9, 33_554_432)]
)
def test_what_waits_lasts_50_ms(run_stage, rate, size):
    """A source that is read only after a late timer would make a fast link slower than its rate."""
    assert run_stage("bandwidth", rate=rate).stage.buffer_bytes == size
