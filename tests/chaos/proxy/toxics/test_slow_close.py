"""slow_close."""


def test_only_the_close_is_delayed(run_stage):
    """Bytes pass immediately, the end after the delay."""
    slow = run_stage("slow_close", delay=200)
    slow.stage.feed(b"abc")
    slow.stage.end()
    slow.clock.advance(1)
    assert (slow.forwarded, slow.ended_s) == ([(0, b"abc")], 0.2)


def test_removal_carries_out_a_waiting_close(run_stage):
    """No timer remains."""
    slow = run_stage("slow_close", delay=200)
    slow.stage.end()
    slow.clock.advance(0.05)
    slow.stage.release()
    assert (slow.ended_s, slow.clock.pending) == (0.05, 0)
