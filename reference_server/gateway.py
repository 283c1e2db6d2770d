"""The API gateway: who is calling, and which service answers."""

import time
from collections.abc import Mapping

from reference_server import tokens
from reference_server.asgi import Request, Response, answer
from reference_server.calls import Calls
from reference_server.errors import ApiError

# The first two segments of a path choose the service.
SERVICE_OF: Mapping[str, str] = {
    "/v1/sessions": "sessions",
    "/v1/conversations": "message",
    "/v1/heads": "message",
    "/v1/rooms": "room",
    "/v1/friends": "friend",
    "/v1/stickers": "sticker",
}
OPEN = frozenset({"sessions"})  # logging in takes no token


class Gateway:
    """Checks the token and passes the call on, to a service beside it or over HTTP."""

    def __init__(self, calls: Calls, secret: str) -> None:
        self._calls = calls
        self._secret = secret

    async def handle(self, request: Request) -> Response:
        """The answer to a client's call; failures of services in the protocol's form."""
        return await answer(self._forward, request)

    async def _forward(self, request: Request) -> Response:
        service = SERVICE_OF.get("/".join(request.path.split("/")[:3]))
        if service is None:
            raise ApiError("not_found", f"no such call: {request.path}")
        user = device = ""
        if service not in OPEN:
            claims = self._claims(request)
            user, device = claims.user, claims.device
        inner = Request(
            request.method, request.path, request.body, request.query, user=user, device=device
        )
        return await self._calls.call(service, inner)

    def _claims(self, request: Request) -> tokens.Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ApiError("unauthorized", "a bearer token is needed")
        try:
            return tokens.verify(token, self._secret, time.time())
        except tokens.TokenError as error:
            raise ApiError("unauthorized", str(error)) from error
