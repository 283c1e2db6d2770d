"""Tokens carry claims that only the holder of the secret can sign."""

import pytest

from gauntlet.reference_server.core.tokens import Claims, TokenError, sign, verify

CLAIMS = Claims("ann", "d0", 1_000)


def test_a_verified_token_returns_the_signed_claims():
    assert verify(sign(CLAIMS, "secret"), "secret", now_s=999) == CLAIMS


def test_a_token_is_rejected_from_its_expiry_time_on():
    with pytest.raises(TokenError, match="expired"):
        verify(sign(CLAIMS, "secret"), "secret", now_s=1_000)


@pytest.mark.parametrize("token", ["", ".", "a.b", "ü.ü", sign(CLAIMS, "other")])
def test_malformed_and_foreign_tokens_are_rejected(token):
    with pytest.raises(TokenError, match="no valid signature"):
        verify(token, "secret", now_s=0)


def test_a_signature_of_other_claims_is_rejected():
    payload = sign(Claims("bob", "d0", 1_000), "secret").partition(".")[0]
    signature = sign(CLAIMS, "secret").partition(".")[2]
    with pytest.raises(TokenError):
        verify(f"{payload}.{signature}", "secret", now_s=0)
