"""When an instance is left alone, and when it is asked again."""

from gauntlet.reference_server.http.circuit_breaker import (
    FAILURES_TO_OPEN,
    RETRY_EVERY_S,
    CircuitBreaker,
)


def opened(now_s=0.0):
    """A breaker that has just opened."""
    breaker = CircuitBreaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.record_failure(now_s)
    return breaker


def test_single_failures_do_not_open_it():
    """An answer in between starts the count again."""
    breaker = CircuitBreaker()
    for turn in range(3 * FAILURES_TO_OPEN):
        breaker.record_failure(turn)
        if turn % 2:
            breaker.record_success(turn)
    assert not breaker.is_open
    assert breaker.allows(100)


def test_failures_in_a_row_open_it_once():
    """The last one says so; from then on nobody goes through until the rest is over."""
    breaker = CircuitBreaker()
    assert [breaker.record_failure(1.0) for _ in range(FAILURES_TO_OPEN + 2)].index(
        True
    ) == FAILURES_TO_OPEN - 1
    assert breaker.is_open
    assert not breaker.allows(1.0 + RETRY_EVERY_S - 0.01)


def test_half_open_lets_one_through_each_rest():
    """The one that tries may vanish without a word: after another rest the next one tries."""
    breaker = opened()
    assert breaker.allows(RETRY_EVERY_S)
    assert not breaker.allows(RETRY_EVERY_S)
    assert not breaker.allows(2 * RETRY_EVERY_S - 0.01)
    assert breaker.allows(2 * RETRY_EVERY_S)
    breaker.record_failure(2.2 * RETRY_EVERY_S)
    assert not breaker.allows(3 * RETRY_EVERY_S)
    assert breaker.allows(3.2 * RETRY_EVERY_S)


def test_an_answer_closes_it():
    """And says so once."""
    breaker = opened()
    assert breaker.record_success(5.0)
    assert not breaker.record_success(5.0)
    assert breaker.allows(5.0)
    assert not breaker.is_open


def test_silence_is_told_from_slowness():
    """Who answered anybody since is not dead."""
    breaker = CircuitBreaker()
    assert breaker.is_silent_since(0.0)
    breaker.record_success(2.0)
    assert not breaker.is_silent_since(1.0)
    assert breaker.is_silent_since(3.0)
