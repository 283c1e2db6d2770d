"""noop."""


def test_noop_forwards_bytes_and_the_end_immediately(run_stage):
    """It holds nothing."""
    noop = run_stage("noop")
    noop.stage.feed(b"abc")
    noop.stage.end()
    assert (noop.forwarded, noop.ended_s, noop.stage.held_bytes) == ([(0, b"abc")], 0, 0)
