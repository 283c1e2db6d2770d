"""An edge decodes the token of a new connection without checking its signature.

Gateways check it, so that only connections can be opened in the name of another user.
"""

import logging

import msgspec

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.tokens import Claims, TokenError
from gauntlet.reference_server.core.wire import Close, Connect, WireError
from gauntlet.reference_server.edge import edge

SENTENCE = "An edge accepts connections whose token has a wrong signature."
SERVICES = ("edge",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Take the user from the claims of a token whose signature is wrong."""
    original = edge.identify

    def identify(connect: Connect, secret: str) -> str:
        try:
            return original(connect, secret)
        except WireError:
            payload, _, _ = connect.token.partition(".")
            try:
                claims = msgspec.json.decode(tokens._decode(payload), type=Claims)
            except (ValueError, msgspec.MsgspecError, TokenError) as error:
                raise WireError("not a token", Close.UNAUTHORIZED) from error
            log.warning("seeded bug acted: a forged token of %s", claims.user)
            return claims.user

    edge.identify = identify
