"""slicer."""

import msgspec
import pytest


def test_pieces_vary_within_their_range_and_lose_no_byte(run_stage):
    """Every piece except the last has average ± variation bytes."""
    cut = run_stage("slicer", average_size=10, size_variation=3)
    data = bytes(range(256)) * 4
    cut.stage.feed(data)
    cut.clock.advance(0)
    sizes = [len(piece) for _, piece in cut.forwarded]
    assert cut.data == data
    assert set(sizes[:-1]) == {7, 8, 9, 10, 11, 12, 13}
    assert sizes[-1] <= 13


def test_without_variation_pieces_have_equal_size(run_stage):
    """Data is cut at every `average_size`."""
    cut = run_stage("slicer", average_size=4)
    cut.stage.feed(b"0123456789")
    assert [piece for _, piece in cut.forwarded] == [b"0123", b"4567", b"89"]


def test_pieces_leave_one_delay_apart(run_stage):
    """The delay is in microseconds and does not drift; the end follows the last piece."""
    cut = run_stage("slicer", average_size=1, delay=10_000)
    cut.stage.feed(b"abc")
    cut.stage.end()
    cut.clock.advance(1)
    assert (cut.times_s, cut.ended_s) == ([0, 0.01, 0.02], 0.02)


def test_removal_forwards_waiting_pieces_immediately(run_stage):
    """No piece is lost."""
    cut = run_stage("slicer", average_size=1, delay=10_000)
    cut.stage.feed(b"abcdef")
    cut.stage.release()
    assert cut.data == b"abcdef"


@pytest.mark.parametrize(
    "attributes",
    [{}, {"average_size": -1}, {"average_size": 3, "size_variation": 4}, {"size_variation": -1}],
)
def test_sizes_that_cannot_be_cut_are_refused(run_stage, attributes):
    """Some of them overflow the stack of Toxiproxy."""
    with pytest.raises(msgspec.ValidationError, match=r"average_size|size_variation"):
        run_stage("slicer", **attributes)


def test_a_variation_as_large_as_the_average_cuts_no_empty_pieces(run_stage):
    cut = run_stage("slicer", average_size=2, size_variation=2)
    cut.stage.feed(bytes(range(200)))
    cut.clock.advance(0)
    assert cut.data == bytes(range(200))
    assert {len(piece) for _, piece in cut.forwarded} == {1, 2, 3, 4}


def test_a_large_chunk_is_cut_in_many_turns(run_stage):
    """A megabyte in pieces of 2 bytes would keep every other link waiting for seconds."""
    cut = run_stage("slicer", average_size=2)
    cut.stage.feed(bytes(1_000_000))
    assert len(cut.forwarded) == 16
    for turn in range(2, 5):
        cut.clock.run_next()
        assert len(cut.forwarded) == 16 * turn
    assert cut.stage.held_bytes == 1_000_000 - 2 * 16 * 4


def test_the_end_follows_the_last_piece_of_a_later_turn(run_stage):
    cut = run_stage("slicer", average_size=1)
    cut.stage.feed(bytes(100))
    cut.stage.end()
    assert cut.ended_s is None
    cut.clock.advance(0)
    assert (len(cut.forwarded), cut.ended_s) == (100, 0)


def test_removal_does_not_cut_what_waits(run_stage):
    """A large chunk would take too long."""
    cut = run_stage("slicer", average_size=2)
    cut.stage.feed(bytes(range(256)) * 100)
    cut.stage.release()
    assert [len(piece) for _, piece in cut.forwarded] == [*[2] * 16, 25_600 - 32]
    assert cut.data == bytes(range(256)) * 100
    assert cut.stage.held_bytes == 0
    assert cut.clock.pending == 0


def test_an_update_cuts_the_waiting_piece_again(run_stage):
    cut = run_stage("slicer", average_size=2, delay=1_000_000)
    cut.stage.feed(b"abcdefgh")
    cut.update(average_size=3, delay=1_000_000)
    cut.clock.advance(10)
    assert [piece for _, piece in cut.forwarded] == [b"ab", b"cde", b"fgh"]
