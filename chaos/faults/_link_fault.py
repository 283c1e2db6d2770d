"""What latency and partition share: a toxic on both streams, shown by probes before and after."""

from abc import ABC, abstractmethod
from typing import ClassVar

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.link_probe import Reading
from gauntlet.chaos.faults._toxics import Toxics
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec


class ProbedFault(ABC):
    """One toxic on every link of the target; proven when each link's probe shows it."""

    toxic: ClassVar[str]
    missing: ClassVar[str]  # what is said when the probes do not show it

    def __init__(self, spec: Spec) -> None:
        self._toxics = Toxics(spec)
        self._before_ms: dict[str, float] = {}

    @abstractmethod
    def attributes(self) -> dict[str, int]:
        """The toxic's attributes."""

    @abstractmethod
    def patience_s(self, slowest_ms: float) -> float:
        """How long a probe waits for its answer; `slowest_ms` is the longest before the fault."""

    @abstractmethod
    def shows(self, before_ms: float, after: Reading) -> bool:
        """Whether a link's probe now shows the fault."""

    def inject(self, context: Context) -> Evidence:
        """Probe once, then put the toxic on."""
        self._before_ms = self._toxics.baseline(context)
        self._toxics.add(context, self.toxic, self.attributes())
        return {"links": sorted(self._toxics.links), **self.attributes()}

    def prove(self, context: Context) -> Evidence:
        """Every link that answered before shows the fault."""
        patience_s = self.patience_s(max(self._before_ms.values()))
        addresses = {name: self._toxics.address(name) for name in self._before_ms}
        after: dict[str, Reading] = {}

        def all_show() -> bool | None:
            after.update(link_probe.probe_all(addresses, patience_s))
            shows = (self.shows(its, after[name]) for name, its in self._before_ms.items())
            return all(shows) or None

        shown = poll(all_show, PROVE_S, context.stop)
        proof = {
            "rtt_before_ms": self._before_ms,
            "probe": {name: reading.shown() for name, reading in after.items()},
        }
        if not shown:
            raise FaultFailed(self.missing, proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Take the toxic off."""
        self._toxics.remove()
        return {}

    def verify(self, context: Context) -> Evidence:
        """The links answer, without our toxics."""
        return {"probe": self._toxics.verify_removed(context)}
