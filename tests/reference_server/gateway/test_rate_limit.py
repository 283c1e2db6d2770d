"""How fast one user may send."""

from gauntlet.reference_server.gateway.rate_limit import USERS_MIN, RateLimiter


def test_a_burst_and_then_the_rate():
    """As many at once as the burst says, then one for each tick of the rate."""
    limit = RateLimiter(per_s=10, burst=5)
    assert [limit.allows("ann", 100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [limit.allows("ann", 100.1), limit.allows("ann", 100.1)] == [True, False]
    assert sum(limit.allows("ann", 200.0) for _ in range(9)) == 5


def test_a_refusal_costs_nothing():
    """Who knocks too often is let in as soon as one who waited."""
    limit = RateLimiter(per_s=1, burst=1)
    assert limit.allows("ann", 0.0)
    assert not any(limit.allows("ann", 0.9) for _ in range(100))
    assert limit.allows("ann", 1.0)


def test_users_do_not_share():
    """One who sends too much is nobody else's trouble."""
    limit = RateLimiter(per_s=1, burst=1)
    limit.allows("ann", 0.0)
    assert limit.allows("bob", 0.0)


def test_the_idle_are_forgotten_and_the_active_are_not():
    """Memory is for those who sent lately."""
    limit = RateLimiter(per_s=1, burst=1)
    for number in range(USERS_MIN):
        limit.allows(f"u{number}", 0.0)
    limit.allows("ann", 5.0)
    assert len(limit._full_at) == 1
    assert not limit.allows("ann", 5.5)
