"""reset: ends a share of the live connections of a link by RST, once."""

from typing import ClassVar

from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults._cut import PERCENT, ConnectionCut
from gauntlet.chaos.faults._toxic_fault import STREAM, STREAMS, attempts_of
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_ENDINGS_S = 1.0


class Reset(ConnectionCut):
    """Cuts by `reset_peer`, which a toxiproxy-server cannot do: it ends live connections by FIN.

    Connections of our own see how the proxy ends connections: by FIN would be another fault.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "reset",
        "ends a share of the live connections of a link by RST",
        targets=("link",),
        params={"percent": PERCENT, "stream": STREAM},
        needs_link=True,
        external=("client>target", "client>edge", "client>gateway"),
        own_end=True,
        backend="embedded",
        instead="disconnect",
    )

    toxic = "reset_peer"
    attributes: ClassVar[dict[str, int]] = {"timeout": 0}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.streams = STREAMS[str(param(spec, "stream"))]
        self._witnesses = Witnesses()
        self._unproven: Evidence = {}

    def select(self, context: Context) -> None:
        """Connect the witnesses, then let the proxy select connections."""
        # A proxy ends connections to a component that is not up by FIN, with any fault or none.
        targets = context.links(self._target)
        links = [(targets[name].kind, targets[name].listen) for name in self._toxics.answered]
        self._witnesses.connect(links, attempts_of(self.share))
        super().select(context)
        self._witnesses.send_requests()

    def prove(self, context: Context) -> Evidence:
        """Connections are gone, and those of our own that have ended were ended by RST."""
        proof = super().prove(context)
        endings = self._witnesses.close(_ENDINGS_S)
        if not proof:
            return {}
        proof["witnesses"] = dict(endings)
        if endings["closed"]:
            return self.unproven("connections ended without RST", proof)
        return proof

    def unproven(self, reason: str, observed: Evidence) -> Evidence:
        """Return no proof: a link without connections or data has nothing to reset."""
        self._unproven = {"reason": reason, **observed}
        return {}

    def heal(self, context: Context) -> Evidence:
        """Remove the toxics that are left; return what was observed if that proved nothing."""
        super().heal(context)
        return {"unproven": self._unproven} if self._unproven else {}
