"""half_open."""


def test_neither_data_nor_the_end_passes(run_stage):
    cut = run_stage("half_open")
    cut.stage.feed(b"abc")
    cut.stage.end()
    cut.clock.advance(1000)
    assert (cut.forwarded, cut.ended_s) == ([], None)


def test_the_connection_closes_when_the_toxic_is_removed(run_stage):
    """Its stream has a hole."""
    cut = run_stage("half_open")
    cut.stage.feed(b"abc")
    cut.stage.release()
    assert (cut.forwarded, cut.ended_s) == ([], 0)
