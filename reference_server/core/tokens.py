"""Signed tokens that identify a user and a device until they expire. Pure.

Format: base64url(JSON claims) + "." + base64url(HMAC-SHA256 of the first part), unpadded.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

import msgspec

# Number of verified tokens in the cache, a few hundred bytes each: every call carries a token.
VERIFIED_KEPT = 10_000


class TokenError(ValueError):
    """The token is malformed, forged or expired."""


class Claims(msgspec.Struct, frozen=True):
    """The content of a token; `exp` is in seconds since the epoch."""

    user: str
    device: str
    exp: int


def sign(claims: Claims, secret: str) -> str:
    """Return the signed token that carries these claims."""
    payload = _encode(msgspec.json.encode(claims))
    return f"{payload}.{_signature(payload, secret)}"


def verify(token: str, secret: str, now_s: float) -> Claims:
    """Return the claims of a genuine token that has not expired; TokenError otherwise."""
    claims = _verified_claims(token, secret)
    if claims.exp <= now_s:
        raise TokenError("the token has expired")
    return claims


@lru_cache(VERIFIED_KEPT)
def _verified_claims(token: str, secret: str) -> Claims:
    payload, _, signature = token.partition(".")
    # The signature is checked before anything is decoded, and in constant time.
    if not hmac.compare_digest(signature.encode(), _signature(payload, secret).encode()):
        raise TokenError("the token has no valid signature")
    return msgspec.json.decode(_decode(payload), type=Claims)


def _signature(payload: str, secret: str) -> str:
    return _encode(hmac.digest(secret.encode(), payload.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
