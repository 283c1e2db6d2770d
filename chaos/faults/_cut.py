"""What disconnect and reset share: a toxic cuts a share of the live connections, once."""

import math
from typing import ClassVar

from gauntlet.chaos.clients import socket_table
from gauntlet.chaos.faults._toxics import FaultToxics, Streams
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context, ProxiedLink
from gauntlet.core.plugins import Param
from gauntlet.core.scenario.model import Fault as Spec

# A connection is cut when its next bytes arrive. The toxics stay until the share is reached, but at
# most this long, because they also affect connections that are opened meanwhile.
_CUT_S = 2.0
# Of few connections, a small share may by chance select none; then the selection is repeated.
_SELECTIONS_MAX = 4
_LIVE_METRICS_DELAY_S = 3.0  # their rows are one second apart
_POLL_S = 0.25  # reading the socket table takes tens of milliseconds

PERCENT = Param("percent", 30, "share of the live connections")


class ConnectionCut:
    """Adds a toxic that ends connections to `percent` of them; the others stay open.

    Toxiproxy decides separately for each connection, so the share is reached only on average.
    """

    toxic: ClassVar[str]
    attributes: ClassVar[dict[str, int]]
    streams: Streams = ("downstream",)

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self.share = float(param(spec, "percent")) / 100
        self._toxics = FaultToxics(spec)
        self._before: set[tuple[str, int]] | None = None
        self._live_before: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Record which clients are connected, then add the toxics."""
        try:
            self._toxics.measure_baseline(context)
        except FaultFailed:
            if not self._toxics.silenced(context):  # by a fault that may leave connections alive
                raise
        self._live_before = dict(context.live() or {})
        self._before = self._connected(context)
        if self._count() == 0:
            self.unproven("no client is connected", {})
        else:
            self.select(context)
        return {
            "links": sorted(context.links(self._target)),
            "streams": list(self.streams),
            "percent": self.share * 100,
        }

    def select(self, context: Context) -> None:
        """Let the proxy select connections, each with the probability of the share."""
        toxicity = self.share if len(self.streams) == 1 else 1 - math.sqrt(1 - self.share)
        self._toxics.add(
            context, self.toxic, self.attributes, streams=self.streams, toxicity=toxicity
        )

    def prove(self, context: Context) -> Evidence:
        """At least one of the previous connections is gone; the toxics are removed here."""
        if self._count() == 0:
            return {}
        dropped = self._cut(context)
        for _ in range(1, _SELECTIONS_MAX):
            if dropped or context.stop.is_set():
                break
            self.select(context)
            dropped = self._cut(context)
        proof = {
            "connections": self._count(),
            "dropped": dropped,
            "seen_by": "live figures" if self._before is None else "socket table",
        }
        return proof if dropped else self.unproven("no connection was cut", proof)

    def links(self, context: Context) -> list[ProxiedLink]:
        """Return the links of the target."""
        return list(context.links(self._target).values())

    def unproven(self, reason: str, observed: Evidence) -> Evidence:
        """Report that the fault did not act."""
        raise FaultFailed(reason, observed)

    def _cut(self, context: Context) -> int:
        """Wait until the share is cut, remove the toxics, and return how many were cut."""
        enough = max(1, round(self.share * self._count()))
        poll(lambda: self._dropped(context) >= enough or None, _CUT_S, context.stop, _POLL_S)
        self._toxics.remove()
        delay_s = 0.0 if self._before is not None else _LIVE_METRICS_DELAY_S
        poll(lambda: self._dropped(context) > 0 or None, delay_s, context.stop)
        return self._dropped(context)

    def heal(self, context: Context) -> Evidence:
        """Remove the toxics that are left."""
        self._toxics.remove()
        return {}

    def verify(self, context: Context) -> Evidence:
        """The toxics are gone and the links answer."""
        return {"probe": self._toxics.verify_removed(context)}

    def _count(self) -> int:
        """Return how many connections there were before the fault."""
        if self._before is not None:
            return len(self._before)
        return int(self._live_before.get("connections", 0))

    def _dropped(self, context: Context) -> int:
        """Return how many of them are gone now."""
        if self._before is None:
            disconnects_before = int(self._live_before.get("disconnects", 0))
            return int((context.live() or {}).get("disconnects", 0)) - disconnects_before
        return len(self._before - (self._connected(context) or set()))

    def _connected(self, context: Context) -> set[tuple[str, int]] | None:
        return socket_table.client_connections(link.listen for link in self.links(context))
