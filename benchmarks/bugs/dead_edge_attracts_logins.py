"""A login sends a user back to their last edge for as long as its lease lasts, which is 12 seconds.

The users of an edge that has died are sent to it again and again.
"""

import logging
from contextvars import ContextVar

from gauntlet.reference_server.core.config import EdgeAddress
from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.registry import redis
from gauntlet.reference_server.registry.base import EdgeLease
from gauntlet.reference_server.services.login import LoginService, _Login

SENTENCE = "After the death of an edge, its users are sent back to it until its lease expires."
SERVICES = ("sessions",)
ANOMALIES = ("unconnected",)
OPTIONS = {"scenario": "edge-dead", "stack": "embedded"}

LEASE_MS = 12_000
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Take edges with old leases for live ones, and prefer the last edge of each user."""
    original_renewed, original_login = redis._edges_renewed, LoginService.login
    original_choose = LoginService._choose_edge
    live: set[str] = set()
    stale: set[str] = set()
    last: dict[str, EdgeAddress] = {}
    caller: ContextVar[str] = ContextVar("caller", default="")

    def edges_renewed(rows: dict[bytes, bytes], now_ms: int, within_ms: int) -> list[EdgeLease]:
        if within_ms >= LEASE_MS:  # not asked for a login
            return original_renewed(rows, now_ms, within_ms)
        fresh = {edge.name for edge in original_renewed(rows, now_ms, within_ms)}
        edges = original_renewed(rows, now_ms, LEASE_MS)
        live.clear()
        live.update(edge.name for edge in edges if edge.takes_clients)
        stale.clear()
        stale.update(live - fresh)
        return edges

    async def login(self: LoginService, request: Request) -> Response:
        caller.set(request.json(_Login).user)
        return await original_login(self, request)

    async def choose_edge(self: LoginService, environment: str) -> EdgeAddress:
        chosen = await original_choose(self, environment)  # also reads the leases
        user = caller.get()
        if user in last and last[user].name in live and last[user].environment == environment:
            chosen = last[user]
        if chosen.name in stale:
            log.warning("seeded bug acted: %s to %s", user, chosen.name)
        last[user] = chosen
        return chosen

    redis._edges_renewed = edges_renewed
    LoginService.login = login
    LoginService._choose_edge = choose_edge
