"""reset_peer."""

import pytest


@pytest.mark.parametrize("trigger", ["data", "end"])
def test_data_or_the_end_resets_after_the_timeout(run_stage, trigger):
    """The timeout counts from the first data or end; nothing passes."""
    cut = run_stage("reset_peer", timeout=100)
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
    assert (cut.resets, cut.forwarded, cut.ended_s) == (1, [], None)


def test_removal_carries_out_a_pending_reset(run_stage):
    """Data was dropped, so the connection must not continue."""
    cut = run_stage("reset_peer", timeout=1000)
    cut.stage.feed(b"abc")
    cut.stage.release()
    assert (cut.resets, cut.clock.pending) == (1, 0)


def test_removal_does_not_reset_an_idle_connection(run_stage):
    """Nothing was dropped."""
    cut = run_stage("reset_peer", timeout=0)
    cut.stage.release()
    assert cut.resets == 0
