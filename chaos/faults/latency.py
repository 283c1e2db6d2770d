"""latency: every byte of a link comes later, in both directions."""

from gauntlet.chaos.clients.link_probe import Reading
from gauntlet.chaos.faults._link_fault import ProbedFault
from gauntlet.chaos.faults.base import param
from gauntlet.core.scenario.model import Fault as Spec


class Latency(ProbedFault):
    """Delays each chunk by `latency` ± `jitter`; order is kept, nothing is lost.

    Proof: the round trips take one `latency` more at least. They cross both directions and get
    two; jitter may take back the other.
    """

    toxic = "latency"
    missing = "the round trips did not become longer"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._latency_ms = round(1000 * float(param(spec, "latency")))
        self._jitter_ms = round(1000 * float(param(spec, "jitter")))

    def attributes(self) -> dict[str, int]:
        """Of Toxiproxy's `latency`."""
        return {"latency": self._latency_ms, "jitter": self._jitter_ms}

    def patience_s(self, slowest_ms: float) -> float:
        """Long enough for the longest delay there can be."""
        return (5 * slowest_ms + 2 * (self._latency_ms + self._jitter_ms)) / 1000 + 1.0

    def shows(self, before_ms: float, after: Reading) -> bool:
        """Whether the answer came by one latency later."""
        return after.rtt_ms is not None and after.rtt_ms >= before_ms + max(self._latency_ms, 1)
