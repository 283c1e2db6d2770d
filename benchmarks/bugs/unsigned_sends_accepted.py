"""The gateway lets sends through whose token has no signature.

A client library of old sent such tokens, and the exception for it was never removed.
"""

import logging

import msgspec

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.tokens import Claims, TokenError

SENTENCE = "A gateway accepts tokens without a signature."
SERVICES = ("gateway",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Accept the claims of tokens that end with their dot."""
    original = tokens.verify

    def verify(token: str, secret: str, now_s: float) -> Claims:
        try:
            return original(token, secret, now_s)
        except TokenError:
            payload, dot, signature = token.partition(".")
            if not (payload and dot) or signature:
                raise
            claims = msgspec.json.decode(tokens._decode(payload), type=Claims)
            log.warning("seeded bug acted: an unsigned token of %s", claims.user)
            return claims

    tokens.verify = verify
