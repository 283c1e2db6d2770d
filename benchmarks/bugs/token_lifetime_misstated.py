"""A login states how long tokens last by default, and not how long this one does.

Clients use their tokens for longer than the server accepts them.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.login import LoginService

SENTENCE = "A login states an hour as the life of tokens that expire after seconds."
SERVICES = ("sessions",)
ANOMALIES = ("acked-floor",)
OPTIONS = {"scenario": "short-tokens", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """State the default."""
    original = LoginService.login

    async def login(self: LoginService, request: Request) -> Response:
        answer = msgspec.json.decode((await original(self, request)).body)
        log.warning("seeded bug acted: %s s are stated as 3600", answer["expires_in_s"])
        answer["expires_at"] += 3_600 - answer["expires_in_s"]
        answer["expires_in_s"] = 3_600
        return reply(answer)

    LoginService.login = login
