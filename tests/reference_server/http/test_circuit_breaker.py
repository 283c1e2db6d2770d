"""When an instance is not called, and when it is tried again."""

from gauntlet.reference_server.http.circuit_breaker import (
    FAILURES_TO_OPEN,
    RETRY_EVERY_S,
    CircuitBreaker,
)


def open_breaker(now_s=0.0):
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.record_failure(now_s)
    return breaker


def test_failures_between_successes_do_not_open_the_breaker():
    breaker = CircuitBreaker()
    for turn in range(3 * FAILURES_TO_OPEN):
        breaker.record_failure(turn)
        if turn % 2:
            breaker.record_success(turn)
    assert not breaker.is_open
    assert breaker.allows(100)


def test_consecutive_failures_open_the_breaker_and_are_reported_once():
    breaker = CircuitBreaker()
    assert [breaker.record_failure(1.0) for _ in range(FAILURES_TO_OPEN + 2)].index(
        True
    ) == FAILURES_TO_OPEN - 1
    assert breaker.is_open
    assert not breaker.allows(1.0 + RETRY_EVERY_S - 0.01)


def test_a_half_open_breaker_allows_one_call_per_interval():
    """The allowed call may never report a result: the next interval allows another one."""
    breaker = open_breaker()
    assert breaker.allows(RETRY_EVERY_S)
    assert not breaker.allows(RETRY_EVERY_S)
    assert not breaker.allows(2 * RETRY_EVERY_S - 0.01)
    assert breaker.allows(2 * RETRY_EVERY_S)
    breaker.record_failure(2.2 * RETRY_EVERY_S)
    assert not breaker.allows(3 * RETRY_EVERY_S)
    assert breaker.allows(3.2 * RETRY_EVERY_S)


def test_a_success_closes_the_breaker_and_is_reported_once():
    breaker = open_breaker()
    assert breaker.record_success(5.0)
    assert not breaker.record_success(5.0)
    assert breaker.allows(5.0)
    assert not breaker.is_open


def test_an_instance_is_silent_only_if_no_call_was_answered_since():
    breaker = CircuitBreaker()
    assert breaker.is_silent_since(0.0)
    breaker.record_success(2.0)
    assert not breaker.is_silent_since(1.0)
    assert breaker.is_silent_since(3.0)
