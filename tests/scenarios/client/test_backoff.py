"""Exponential backoff with full jitter."""

from random import Random

from gauntlet.scenarios.client.backoff import Backoff

MS = 1_000_000


def test_the_ceiling_doubles_up_to_the_cap():
    """Every wait lies between zero and the ceiling, and the jitter uses the whole range."""
    waits = [[], [], [], [], []]
    for seed in range(400):
        backoff = Backoff(Random(seed), base_ms=100, cap_ms=800)
        for waited in waits:
            waited.append(backoff.next_ns() / MS)
    for waited, ceiling in zip(waits, (100, 200, 400, 800, 800), strict=True):
        assert 0 <= min(waited) < ceiling * 0.05
        assert ceiling * 0.95 < max(waited) <= ceiling


def test_a_reset_restores_the_first_ceiling():
    backoff = Backoff(Random(1), base_ms=1, cap_ms=10_000)
    for _ in range(12):
        backoff.next_ns()
    backoff.reset()
    assert backoff.next_ns() <= MS
