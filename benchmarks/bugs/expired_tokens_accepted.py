"""Verified tokens are cached, and those in the cache are not checked for their expiry.

A token that was used once is accepted forever.
"""

import logging

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.tokens import Claims, TokenError

SENTENCE = "A gateway accepts expired tokens that it has seen before they expired."
SERVICES = ("gateway",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "short-tokens", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep the claims of tokens that were accepted."""
    original = tokens.verify
    known: dict[str, Claims] = {}

    def verify(token: str, secret: str, now_s: float) -> Claims:
        try:
            known[token] = original(token, secret, now_s)
        except TokenError:
            if token not in known:
                raise
            log.warning("seeded bug acted: an expired token of %s", known[token].user)
        return known[token]

    tokens.verify = verify
