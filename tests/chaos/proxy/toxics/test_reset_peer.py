"""reset_peer."""

import pytest


@pytest.mark.parametrize("trigger", ["data", "end"])
def test_data_or_the_end_resets_after_the_timeout(bench, trigger):
    """The connection is reset one timeout after the first sign of life; nothing passes."""
    cut = bench("reset_peer", timeout=100)
    cut.clock.advance(1)
    assert cut.resets == 0
    for _ in range(3):
        if trigger == "data":
            cut.stage.feed(b"abc")
        else:
            cut.stage.end()
    cut.clock.advance(0.099)
    assert cut.resets == 0
    cut.clock.advance(0.002)
    assert (cut.resets, cut.out, cut.ended_s) == (1, [], None)


def test_removal_carries_out_a_pending_reset(bench):
    """Data was dropped, so the connection may not go on."""
    cut = bench("reset_peer", timeout=1000)
    cut.stage.feed(b"abc")
    cut.stage.release()
    assert (cut.resets, cut.clock.pending) == (1, 0)


def test_removal_leaves_an_idle_connection_alone(bench):
    """Nothing was dropped, nothing is reset."""
    cut = bench("reset_peer", timeout=0)
    cut.stage.release()
    assert cut.resets == 0
