"""slicer."""

import msgspec
import pytest


def test_pieces_vary_within_their_range_and_make_the_whole(bench):
    """Every piece but the last has average ± variation bytes; the bytes are identical."""
    cut = bench("slicer", average_size=10, size_variation=3)
    data = bytes(range(256)) * 4
    cut.stage.feed(data)
    sizes = [len(piece) for _, piece in cut.out]
    assert cut.data == data
    assert set(sizes[:-1]) == {7, 8, 9, 10, 11, 12, 13}
    assert sizes[-1] <= 13


def test_without_variation_pieces_are_equal(bench):
    """Zero variation cuts at every average_size."""
    cut = bench("slicer", average_size=4)
    cut.stage.feed(b"0123456789")
    assert [piece for _, piece in cut.out] == [b"0123", b"4567", b"89"]


def test_the_delay_stands_between_pieces(bench):
    """Pieces leave one delay apart, microseconds, without drift; the end follows."""
    cut = bench("slicer", average_size=1, delay=10_000)
    cut.stage.feed(b"abc")
    cut.stage.end()
    cut.clock.advance(1)
    assert (cut.times_s, cut.ended_s) == ([0, 0.01, 0.02], 0.02)


def test_removal_hands_the_rest_on(bench):
    """Pieces that wait flow at once."""
    cut = bench("slicer", average_size=1, delay=10_000)
    cut.stage.feed(b"abcdef")
    cut.stage.release()
    assert cut.data == b"abcdef"


@pytest.mark.parametrize(
    "attributes",
    [{}, {"average_size": -1}, {"average_size": 3, "size_variation": 3}, {"size_variation": -1}],
)
def test_sizes_that_cannot_be_cut_are_refused(bench, attributes):
    """Toxiproxy would overflow its stack on some of them."""
    with pytest.raises(msgspec.ValidationError, match=r"average_size|size_variation"):
        bench("slicer", **attributes)
