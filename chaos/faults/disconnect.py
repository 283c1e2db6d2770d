"""disconnect: cuts a share of the live client connections, once."""

from gauntlet.chaos.clients import socket_table
from gauntlet.chaos.faults._toxics import Toxics
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec

# A connection is cut when its next bytes come. The toxics stay until the share is reached, but no
# longer than this: connections made meanwhile roll the dice as well.
_MOMENT_S = 2.0
_NOTICED_S = 3.0  # live figures are one second apart
_LOOK_S = 0.25  # reading the socket table costs tens of milliseconds


class Disconnect:
    """`limit_data` with no bytes left, on `percent` of the connections; the others live on.

    Toxiproxy rolls for each connection by itself, so the share is met on average. Toxics that
    close connections when they are removed (`timeout`, `reset_peer`) would cut all of them.
    """

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._share = float(param(spec, "percent")) / 100
        self._toxics = Toxics(spec)
        self._before: set[tuple[str, int]] | None = None
        self._live_before: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Note who is connected, then cut."""
        self._toxics.baseline(context)
        self._live_before = dict(context.live() or {})
        self._before = self._connected(context)
        if self._count() == 0:
            raise FaultFailed("no client is connected")
        self._toxics.add(
            context, "limit_data", {"bytes": 0}, streams=("downstream",), toxicity=self._share
        )
        return {"links": sorted(self._toxics.links), "percent": self._share * 100}

    def prove(self, context: Context) -> Evidence:
        """At least one of the connections there were is gone; the toxics go after a moment."""
        enough = max(1, round(self._share * self._count()))
        poll(lambda: self._dropped(context) >= enough or None, _MOMENT_S, context.stop, _LOOK_S)
        self._toxics.remove()
        noticed_s = 0.0 if self._before is not None else _NOTICED_S
        poll(lambda: self._dropped(context) > 0 or None, noticed_s, context.stop)
        dropped = self._dropped(context)
        proof = {
            "connections": self._count(),
            "dropped": dropped,
            "seen_by": "live figures" if self._before is None else "socket table",
        }
        if dropped == 0:
            raise FaultFailed("no connection was cut", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Take off what is left on."""
        self._toxics.remove()
        return {}

    def verify(self, context: Context) -> Evidence:
        """The links answer without our toxics."""
        return {"probe": self._toxics.verify_removed(context)}

    def _count(self) -> int:
        """How many connections there were before."""
        if self._before is not None:
            return len(self._before)
        return int(self._live_before.get("connections", 0))

    def _dropped(self, context: Context) -> int:
        if self._before is None:
            was = int(self._live_before.get("disconnects", 0))
            return int((context.live() or {}).get("disconnects", 0)) - was
        return len(self._before - (self._connected(context) or set()))

    def _connected(self, context: Context) -> set[tuple[str, int]] | None:
        links = context.links(self._target)
        return socket_table.client_connections(link.listen for link in links.values())
