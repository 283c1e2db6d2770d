"""The first that a call meets: health checks, metrics, internal calls, and the gateway."""

import asyncio
import hmac

from gauntlet.builds import SERVER
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http import messages
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.services.base import ServiceContext

# A process whose probe of one of these fails is not ready. Without the registry or the bus,
# messages take longer, but none is lost.
REQUIRED_PROBES = frozenset({"messages_db", "users_db", "message"})


class Dispatcher:
    """Passes calls of other server processes to the services, and calls of clients to the gateway.

    It answers health checks and serves the metrics itself.
    """

    def __init__(self, context: ServiceContext, services: Router, gateway: Gateway | None) -> None:
        self._config, self._metrics = context.config, context.metrics
        self._probes = context.probes
        self._services, self._gateway = services, gateway

    async def handle(self, request: messages.Request) -> messages.Response:
        """Return the response to any call."""
        if request.path == "/healthz":
            return messages.reply(self._health())
        if request.path == "/readyz":
            return await self._readiness()
        if request.path == "/metrics":
            text = self._metrics.render().encode()
            return messages.Response(200, text, {"content-type": "text/plain; version=0.0.4"})
        self._metrics.add("requests_total")
        response = await self._route(request)
        if response.status >= 500:
            self._metrics.add("requests_failed_total")
        return response

    def _health(self) -> dict[str, object]:
        return {
            "status": "ok",
            "name": self._config.name,
            "services": list(self._config.services),
            "build": str(SERVER.current()),
        }

    async def _readiness(self) -> messages.Response:
        """Return 503 if a required probe fails; `missing` lists all failed probes."""
        probes = [probe() for probe in self._probes.values()]
        outcomes = await asyncio.gather(*probes, return_exceptions=True)
        missing = [
            name
            for name, outcome in zip(self._probes, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        ]
        ready = REQUIRED_PROBES.isdisjoint(missing)
        return messages.reply({"ready": ready, "missing": missing}, 200 if ready else 503)

    async def _route(self, request: messages.Request) -> messages.Response:
        token = request.headers.get(messages.INTERNAL_HEADER)
        if token and hmac.compare_digest(token.encode(), self._config.internal_token.encode()):
            request.user = request.headers.get(messages.USER_HEADER, "")
            request.device = request.headers.get(messages.DEVICE_HEADER, "")
            return await self._services.handle(request)
        if self._gateway is not None:
            return await self._gateway.handle(request)
        error = ApiError(
            "unauthorized", "clients are not served here; this port takes internal calls only"
        )
        return messages.error_response(error)
