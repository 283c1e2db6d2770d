"""Tokens say who the bearer is, and nobody else can make them."""

import pytest

from gauntlet.reference_server.core.tokens import Claims, TokenError, sign, verify

CLAIMS = Claims("ann", "d0", 1_000)


def test_a_token_carries_its_claims():
    """What was signed is what is read."""
    assert verify(sign(CLAIMS, "secret"), "secret", now_s=999) == CLAIMS


def test_an_expired_token_is_refused():
    """At `exp` it is over."""
    with pytest.raises(TokenError, match="expired"):
        verify(sign(CLAIMS, "secret"), "secret", now_s=1_000)


@pytest.mark.parametrize("token", ["", ".", "a.b", "ü.ü", sign(CLAIMS, "other")])
def test_a_foreign_token_is_refused(token):
    """Nonsense, and what another secret signed."""
    with pytest.raises(TokenError, match="not one of ours"):
        verify(token, "secret", now_s=0)


def test_changed_claims_are_refused():
    """The signature of one user's claims does not fit another's."""
    payload = sign(Claims("bob", "d0", 1_000), "secret").partition(".")[0]
    signature = sign(CLAIMS, "secret").partition(".")[2]
    with pytest.raises(TokenError):
        verify(f"{payload}.{signature}", "secret", now_s=0)
