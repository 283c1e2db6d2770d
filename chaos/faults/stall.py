"""stall: holds back every byte of a link and loses none; all of them arrive after the heal."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults._toxic_fault import ToxicFault, link_kind
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_ENDINGS_S = 2.0


class Stall(ToxicFault):
    """Holds bytes while the connections stay open, and sends them on when it is healed.

    Proof: a link that answered is silent. Connections that send a request meanwhile show at the
    heal whether it was delivered late (`held`).
    """

    kind: ClassVar[FaultKind] = link_kind(
        "stall", "holds back every byte of a link until the heal, and loses none", silences=True
    )

    toxic = "bandwidth"
    to_end = False

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._held = Witnesses()

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `bandwidth`, of which 0 loses nothing."""
        return {"rate": 0}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether nothing arrived and the connection stayed open."""
        return now.silent

    def prove(self, context: Context) -> Evidence:
        """Prove the silence, and leave a request on each link that was silent."""
        proof = super().prove(context)
        if proof:
            links = self._toxics.targets(context)
            self._held.connect(((links[name].kind, links[name].listen) for name in self._before), 1)
            self._held.send_requests()
        return proof

    def verify(self, context: Context) -> Evidence:
        """The toxics are gone and the links answer; also report what was answered late."""
        proof = super().verify(context)
        held = dict(self._held.close(_ENDINGS_S))
        return {**proof, "held": held} if held else proof
