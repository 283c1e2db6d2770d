"""latency: delays every byte of a link, in both directions."""

from typing import ClassVar

from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults._link_fault import LinkFault
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS
from gauntlet.core.scenario.model import Fault as Spec

_WAIT_S = 1.0
_MARGIN_S = 0.05


class Latency(LinkFault):
    """Delays each chunk by `latency` ± `jitter`; the order is preserved and nothing is lost.

    Proof: round trips take at least one `latency` longer. They cross both directions and so gain
    two, of which jitter may take one back. If the latency is long, an answer is not awaited: it is
    enough that none comes in the time of a round trip and one latency.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "latency",
        "delays every byte of a link",
        targets=("link",),
        params={
            "latency": Param("duration", "100ms", "added in each direction", positive=True),
            "jitter": Param("duration", "0ms", "uniform, around the latency"),
        },
        needs_link=True,
        external=EXTERNAL_LINKS,
        lasts=True,
        at_most=(("jitter", "latency"),),
    )

    toxic = "latency"
    failure = "the round trips did not become longer"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._latency_ms = round(1000 * float(param(spec, "latency")))
        self._jitter_ms = round(1000 * float(param(spec, "jitter")))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `latency`."""
        return {"latency": self._latency_ms, "jitter": self._jitter_ms}

    def probe_timeout_s(self, slowest_ms: float) -> float:
        """Wait for the longest possible delay if that is short, else for one latency."""
        longest_s = (5 * slowest_ms + 2 * (self._latency_ms + self._jitter_ms)) / 1000 + 1.0
        return min(longest_s, max(_WAIT_S, (slowest_ms + self._latency_ms) / 1000 + _MARGIN_S))

    def is_proven_by(self, baseline_ms: float, result: ProbeResult) -> bool:
        """Whether no answer came within one latency more than before."""
        least_ms = baseline_ms + max(self._latency_ms, 1)
        return result.silent or (result.rtt_ms is not None and result.rtt_ms >= least_ms)
