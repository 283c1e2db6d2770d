"""The API gateway: authenticates callers and passes calls on to the services."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from gauntlet.reference_server.core import clock, tokens
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.gateway.admission import Admission
from gauntlet.reference_server.gateway.rate_limit import RateLimiter
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import respond
from gauntlet.reference_server.services.base import ServiceContext

# By the first two segments of the path.
SERVICE_OF: Mapping[str, str] = {
    "/v1/sessions": "sessions",
    "/v1/conversations": "message",
    "/v1/heads": "message",
    "/v1/rooms": "room",
    "/v1/friends": "friend",
    "/v1/stickers": "sticker",
}
LOG_EVERY_S = 1.0

log = logging.getLogger(__name__)


class Gateway:
    """Verifies the token and passes the call on, within the process or over HTTP.

    Refuses sends, room calls and friend calls of a user who exceeds their rate, and calls of all
    users under overload. `lag_s` returns how late the event loop is.
    """

    def __init__(self, context: ServiceContext, lag_s: Callable[[], float]) -> None:
        settings = context.config.settings
        self._client, self._metrics = context.client, context.metrics
        self._secret = context.config.secret
        self._admission = Admission(settings.shed_wait_ms / 1000, lag_s)
        self._rate_limiters = {
            "send": RateLimiter(settings.user_sends_per_s, settings.user_sends_burst),
            "room": RateLimiter(settings.user_room_calls_per_s, settings.user_room_calls_burst),
            "friend": RateLimiter(
                settings.user_friend_calls_per_s, settings.user_friend_calls_burst
            ),
        }
        self._last_good: dict[str, bytes] = {}
        self._logged_at, self._unlogged = float("-inf"), 0

    async def handle(self, request: Request) -> Response:
        """Return the response to a client's call; failures have the protocol's format."""
        began = time.monotonic()
        response = await respond(self._forward, request)
        now = time.monotonic()
        self._metrics.observe("request_ms", 1000 * (now - began))
        if response.status >= 500:
            self._log_failure(request, response, now, now - began)
        return response

    async def _forward(self, request: Request) -> Response:
        service = SERVICE_OF.get("/".join(request.path.split("/")[:3]))
        if service is None:
            raise ApiError("not_found", f"no such call: {request.path}")
        user = device = ""
        if service != "sessions":  # a login has no token yet
            claims = self._claims(request)
            user, device = claims.user, claims.device
        work = _work_kind(service, request)
        self._admit(work, user)
        request.user, request.device, request.headers = user, device, {}
        if work == "send":
            return await self._send(request)
        if work == "sticker":
            return await self._sticker(request)
        return await self._client.call(service, request)

    def _admit(self, work: str, user: str) -> None:
        """Raise ApiError if the call has to be refused, before any work is done for it."""
        now = time.monotonic()
        if not self._admission.admits(work, now):
            self._metrics.add(f'sheds_total{{work="{work}"}}')
            raise ApiError("unavailable", "the server is overloaded")
        limiter = self._rate_limiters.get(work)
        if limiter is not None and not limiter.allows(user, now):
            self._metrics.add("rate_limited_total")
            what = "messages" if work == "send" else f"{work} calls"
            raise ApiError("rate_limited", f"the user sends too many {what}")

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
        """Return the sticker packs, or the last good response while their service fails."""
        response = await respond(partial(self._client.call, "sticker"), request)
        if response.status == 200:
            self._last_good[request.path] = response.body
        elif response.status >= 500 and (last_good := self._last_good.get(request.path)):
            self._metrics.add("degraded_total")
            return reply({**msgspec.json.decode(last_good), "degraded": True})
        return response

    def _log_failure(self, request: Request, response: Response, now: float, took_s: float) -> None:
        """Log a failed call, at most once in `LOG_EVERY_S`."""
        if now - self._logged_at < LOG_EVERY_S:
            self._unlogged += 1
            return
        self._logged_at = now
        context = {"method": request.method, "path": request.path, "status": response.status}
        context |= {"took_ms": round(1000 * took_s), "others_since_last": self._unlogged}
        log.warning("call failed", extra={"context": context})
        self._unlogged = 0

    def _claims(self, request: Request) -> tokens.Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ApiError("unauthorized", "a bearer token is required")
        try:
            return tokens.verify(token, self._secret, clock.now_s())
        except tokens.TokenError as error:
            raise ApiError("unauthorized", str(error)) from error


def _work_kind(service: str, request: Request) -> str:
    """Return the kind of work of a call; see `admission.WAIT_SHARES`."""
    if service == "message":
        return "send" if request.method == "POST" else "history"
    return "login" if service == "sessions" else service
