"""timeout."""


def test_data_is_dropped_and_a_silence_closes_the_connection(run_stage):
    """The end comes one timeout after the last data."""
    cut = run_stage("timeout", timeout=100)
    cut.stage.feed(b"abc")
    cut.clock.advance(1)
    assert (cut.forwarded, cut.ended_s) == ([], 0.1)


def test_every_chunk_restarts_the_timer(run_stage):
    """As in Toxiproxy, a link with more frequent traffic is never closed."""
    cut = run_stage("timeout", timeout=500)
    for _ in range(20):
        cut.stage.feed(b"ping")
        cut.clock.advance(0.1)
    assert cut.ended_s is None
    cut.clock.advance(1)
    assert cut.ended_s == 2.4


def test_a_timeout_of_zero_never_closes(run_stage):
    cut = run_stage("timeout", timeout=0)
    cut.stage.feed(b"abc")
    cut.clock.advance(1000)
    assert (cut.forwarded, cut.ended_s, cut.clock.pending) == ([], None, 0)


def test_the_end_of_the_source_passes(run_stage):
    """A peer that closes is visible to the other side."""
    cut = run_stage("timeout", timeout=0)
    cut.stage.end()
    assert cut.ended_s == 0


def test_an_update_restarts_the_timer(run_stage):
    """A shorter timeout counts from the update."""
    cut = run_stage("timeout", timeout=10_000)
    cut.clock.advance(1)
    cut.update(timeout=100)
    cut.clock.advance(1)
    assert cut.ended_s == 1.1
