"""What latency and partition share: a toxic on both streams, proven by probes before and after."""

from abc import ABC, abstractmethod
from typing import ClassVar

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults._toxics import FaultToxics
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec

_LEAST_SILENCE_MS = 200.0
_SILENCE_IN_ROUND_TRIPS = 5


class LinkFault(ABC):
    """One toxic on every link of the target; proven when the probe of each link shows it."""

    toxic: ClassVar[str]
    failure: ClassVar[str]  # the message if the probes do not show the fault

    def __init__(self, spec: Spec) -> None:
        self._toxics = FaultToxics(spec)
        self._baseline_ms: dict[str, float] = {}

    @abstractmethod
    def attributes(self) -> dict[str, int]:
        """Return the attributes of the toxic."""

    @abstractmethod
    def probe_timeout_s(self, slowest_ms: float) -> float:
        """Return how long a probe waits; `slowest_ms` is the longest round trip before."""

    @abstractmethod
    def is_proven_by(self, baseline_ms: float, result: ProbeResult) -> bool:
        """Whether the probe of a link shows the fault."""

    def inject(self, context: Context) -> Evidence:
        """Measure the round trips, then add the toxic."""
        self._baseline_ms = self._toxics.measure_baseline(context)
        self._toxics.add(context, self.toxic, self.attributes())
        return {"links": sorted(self._toxics.links), **self.attributes()}

    def prove(self, context: Context) -> Evidence:
        """Every link that answered before shows the fault.

        If the fault ends before, it is proven by links that were silent for much longer than their
        round trip took before.

        There is no proof here for links of an unknown protocol: the judge looks for it in what the
        clients recorded.
        """
        if not self._baseline_ms:
            return {}
        timeout_s = self.probe_timeout_s(max(self._baseline_ms.values()))
        targets = {name: self._toxics.probe_target(name) for name in self._baseline_ms}
        results: dict[str, ProbeResult] = {}

        def all_proven() -> bool | None:
            results.update(link_probe.probe_all(targets, timeout_s, context.stop))
            proven = (
                self._is_shown_by(baseline_ms, results[name])
                for name, baseline_ms in self._baseline_ms.items()
            )
            return all(proven) or None

        proven = poll(all_proven, PROVE_S, context.stop)
        proof = {
            "rtt_before_ms": self._baseline_ms,
            "probe": {name: result.as_evidence() for name, result in results.items()},
        }
        if not proven:
            raise FaultFailed(self.failure, proof)
        return proof

    def _is_shown_by(self, baseline_ms: float, result: ProbeResult) -> bool:
        if result.ended_after_ms is None:
            return self.is_proven_by(baseline_ms, result)
        least_ms = max(_LEAST_SILENCE_MS, _SILENCE_IN_ROUND_TRIPS * baseline_ms)
        return result.silent and result.ended_after_ms >= least_ms

    def heal(self, context: Context) -> Evidence:
        """Remove the toxic."""
        self._toxics.remove()
        return {}

    def verify(self, context: Context) -> Evidence:
        """The toxics are gone and the links answer."""
        return {"probe": self._toxics.verify_removed(context)}
