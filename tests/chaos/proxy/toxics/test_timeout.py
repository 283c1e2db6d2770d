"""timeout."""


def test_data_is_dropped_and_silence_closes(bench):
    """Nothing passes; the end comes one timeout after the last data."""
    cut = bench("timeout", timeout=100)
    cut.stage.feed(b"abc")
    cut.clock.advance(1)
    assert (cut.out, cut.ended_s) == ([], 0.1)


def test_every_chunk_starts_the_wait_anew(bench):
    """A link that talks more often than the timeout is never closed, as in Toxiproxy."""
    cut = bench("timeout", timeout=500)
    for _ in range(20):
        cut.stage.feed(b"ping")
        cut.clock.advance(0.1)
    assert cut.ended_s is None
    cut.clock.advance(1)
    assert cut.ended_s == 2.4


def test_zero_never_closes(bench):
    """A timeout of 0 drops for ever."""
    cut = bench("timeout", timeout=0)
    cut.stage.feed(b"abc")
    cut.clock.advance(1000)
    assert (cut.out, cut.ended_s, cut.clock.pending) == ([], None, 0)


def test_the_end_passes(bench):
    """A peer that closes is not hidden."""
    cut = bench("timeout", timeout=0)
    cut.stage.end()
    assert cut.ended_s == 0


def test_an_update_starts_the_wait_anew(bench):
    """A shorter timeout counts from the update."""
    cut = bench("timeout", timeout=10_000)
    cut.clock.advance(1)
    cut.update(timeout=100)
    cut.clock.advance(1)
    assert cut.ended_s == 1.1
