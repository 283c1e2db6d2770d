"""noop."""


def test_noop_passes_bytes_and_the_end_at_once(bench):
    """Nothing is changed, nothing is held."""
    noop = bench("noop")
    noop.stage.feed(b"abc")
    noop.stage.end()
    assert (noop.out, noop.ended_s, noop.stage.held) == ([(0, b"abc")], 0, 0)
