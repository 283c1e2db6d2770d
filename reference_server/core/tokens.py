"""Signed expiring tokens: who the bearer is, on which device, until when. Pure.

Shape: base64url(JSON claims) + "." + base64url(HMAC-SHA256 of the first part), unpadded.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

import msgspec

# Tokens that were found genuine, each of some hundred bytes: a client shows its own at every call.
GENUINE_KEPT = 10_000


class TokenError(ValueError):
    """The token is malformed, forged or expired."""


class Claims(msgspec.Struct, frozen=True):
    """What a token says; `exp` is seconds since the epoch."""

    user: str
    device: str
    exp: int


def sign(claims: Claims, secret: str) -> str:
    """The token that carries these claims."""
    payload = _encode(msgspec.json.encode(claims))
    return f"{payload}.{_signature(payload, secret)}"


def verify(token: str, secret: str, now_s: float) -> Claims:
    """The claims of a genuine token that has not expired; TokenError otherwise."""
    claims = _genuine(token, secret)
    if claims.exp <= now_s:
        raise TokenError("the token has expired")
    return claims


@lru_cache(GENUINE_KEPT)
def _genuine(token: str, secret: str) -> Claims:
    payload, _, signature = token.partition(".")
    # The signature is compared before anything else is read, in constant time.
    if not hmac.compare_digest(signature.encode(), _signature(payload, secret).encode()):
        raise TokenError("the token is not one of ours")
    return msgspec.json.decode(_decode(payload), type=Claims)


def _signature(payload: str, secret: str) -> str:
    return _encode(hmac.digest(secret.encode(), payload.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
