"""The gateway reads the claims of a token without checking its signature.

A user who writes a token with the name of another one can read what that one can read.
"""

import logging
from functools import lru_cache

import msgspec

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.tokens import Claims

SENTENCE = "A gateway accepts tokens whose signature is wrong."
SERVICES = ("gateway",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Decode the claims of every token, and not its signature."""
    original = tokens._verified_claims

    @lru_cache(1_000)
    def claims(token: str, secret: str) -> Claims:
        try:
            return original(token, secret)
        except tokens.TokenError:
            payload, _, _ = token.partition(".")
            read = msgspec.json.decode(tokens._decode(payload), type=Claims)
            log.warning("seeded bug acted: a forged token of %s", read.user)
            return read

    tokens._verified_claims = claims
