"""The rate limit of one user."""

from gauntlet.reference_server.gateway.rate_limit import USERS_MIN, RateLimiter


def test_a_user_may_send_a_burst_and_then_at_the_rate():
    limit = RateLimiter(per_s=10, burst=5)
    assert [limit.allows("ann", 100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [limit.allows("ann", 100.1), limit.allows("ann", 100.1)] == [True, False]
    assert sum(limit.allows("ann", 200.0) for _ in range(9)) == 5


def test_a_refused_send_does_not_delay_the_next_allowed_one():
    limit = RateLimiter(per_s=1, burst=1)
    assert limit.allows("ann", 0.0)
    assert not any(limit.allows("ann", 0.9) for _ in range(100))
    assert limit.allows("ann", 1.0)


def test_users_have_separate_limits():
    limit = RateLimiter(per_s=1, burst=1)
    limit.allows("ann", 0.0)
    assert limit.allows("bob", 0.0)


def test_idle_users_are_dropped_and_active_users_are_kept():
    limit = RateLimiter(per_s=1, burst=1)
    for number in range(USERS_MIN):
        limit.allows(f"u{number}", 0.0)
    limit.allows("ann", 5.0)
    assert len(limit._full_at) == 1
    assert not limit.allows("ann", 5.5)
