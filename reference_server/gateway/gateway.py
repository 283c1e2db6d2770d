"""The API gateway: who is calling, and which service answers."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.gateway.admission import Admission
from gauntlet.reference_server.gateway.rate_limit import RateLimit
from gauntlet.reference_server.http.messages import Request, Response, answer, reply
from gauntlet.reference_server.services.base import Context

# The first two segments of a path choose the service.
SERVICE_OF: Mapping[str, str] = {
    "/v1/sessions": "sessions",
    "/v1/conversations": "message",
    "/v1/heads": "message",
    "/v1/rooms": "room",
    "/v1/friends": "friend",
    "/v1/stickers": "sticker",
}
NOTE_EVERY_S = 1.0

log = logging.getLogger(__name__)


class Gateway:
    """Checks the token and passes the call on, to a service beside it or over HTTP.

    Refuses what is too much: of one user, or of all. `lag_s` tells how late the event loop is.
    """

    def __init__(self, context: Context, lag_s: Callable[[], float]) -> None:
        settings = context.config.settings
        self._client, self._metrics = context.client, context.metrics
        self._secret = context.config.secret
        self._admission = Admission(settings.shed_wait_ms / 1000, lag_s)
        self._rates = RateLimit(settings.user_sends_per_s, settings.user_sends_burst)
        self._last_good: dict[str, bytes] = {}
        self._noted_at, self._unnoted = float("-inf"), 0

    async def handle(self, request: Request) -> Response:
        """The answer to a client's call; failures of services in the protocol's form."""
        began = time.monotonic()
        response = await answer(self._forward, request)
        now = time.monotonic()
        self._metrics.observe("request_ms", 1000 * (now - began))
        if response.status >= 500:
            self._note(request, response, now, now - began)
        return response

    async def _forward(self, request: Request) -> Response:
        service = SERVICE_OF.get("/".join(request.path.split("/")[:3]))
        if service is None:
            raise ApiError("not_found", f"no such call: {request.path}")
        user = device = ""
        if service != "sessions":  # logging in takes no token
            claims = self._claims(request)
            user, device = claims.user, claims.device
        work = _work(service, request)
        self._let_in(work, user)
        request.user, request.device, request.headers = user, device, {}
        if work == "send":
            return await self._send(request)
        if work == "sticker":
            return await self._sticker(request)
        return await self._client.call(service, request)

    def _let_in(self, work: str, user: str) -> None:
        """Return, or refuse what is too much before anything was done for it."""
        now = time.monotonic()
        if not self._admission.admits(work, now):
            self._metrics.add(f'sheds_total{{work="{work}"}}')
            raise ApiError("unavailable", "too much to do at the moment")
        if work == "send" and not self._rates.allows(user, now):
            self._metrics.add("rate_limited_total")
            raise ApiError("rate_limited", "too many messages")

    async def _send(self, request: Request) -> Response:
        entered = time.monotonic()
        self._admission.enter(entered)
        try:
            response = await self._client.send(request)
        finally:
            self._admission.leave(time.monotonic(), entered)
        if response.status < 300:
            self._metrics.add("sends_total")
        return response

    async def _sticker(self, request: Request) -> Response:
        """Sticker packs seldom change: while their service is away, the last good answer does."""
        response = await answer(partial(self._client.call, "sticker"), request)
        if response.status == 200:
            self._last_good[request.path] = response.body
        elif response.status >= 500 and (last := self._last_good.get(request.path)):
            self._metrics.add("degraded_total")
            return reply({**msgspec.json.decode(last), "degraded": True})
        return response

    def _note(self, request: Request, response: Response, now: float, took_s: float) -> None:
        """Log a failure, but no more often than somebody could read."""
        if now - self._noted_at < NOTE_EVERY_S:
            self._unnoted += 1
            return
        self._noted_at = now
        context = {"method": request.method, "path": request.path, "status": response.status}
        context |= {"took_ms": round(1000 * took_s), "others_since_last": self._unnoted}
        log.warning("call failed", extra={"context": context})
        self._unnoted = 0

    def _claims(self, request: Request) -> tokens.Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ApiError("unauthorized", "a bearer token is needed")
        try:
            return tokens.verify(token, self._secret, time.time())
        except tokens.TokenError as error:
            raise ApiError("unauthorized", str(error)) from error


def _work(service: str, request: Request) -> str:
    """What kind of work a call is; see `admission.SHARES`."""
    if service == "message":
        return "send" if request.method == "POST" else "history"
    return "login" if service == "sessions" else service
