"""slow_close."""


def test_only_the_close_is_late(bench):
    """Bytes pass at once, the end after the delay."""
    slow = bench("slow_close", delay=200)
    slow.stage.feed(b"abc")
    slow.stage.end()
    slow.clock.advance(1)
    assert (slow.out, slow.ended_s) == ([(0, b"abc")], 0.2)


def test_removal_closes_at_once(bench):
    """A close that waits is carried out when the toxic goes."""
    slow = bench("slow_close", delay=200)
    slow.stage.end()
    slow.clock.advance(0.05)
    slow.stage.release()
    assert (slow.ended_s, slow.clock.pending) == (0.05, 0)
