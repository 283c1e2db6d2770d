"""latency: delays every byte of a link, in one direction or both."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, gained_ms, link_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_WAIT_S = 1.0
_MARGIN_S = 0.05


class Latency(ToxicFault):
    """Delays each chunk by `latency` ± `jitter`; the order is preserved and nothing is lost.

    Proof: the answer comes at least half a `latency` later for each direction, of which jitter may
    take back the other half. If the latency is long, an answer is not awaited: it is enough that
    none comes in the time of a round trip and one latency.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "latency",
        "delays every byte of a link",
        {
            "latency": Param("duration", "100ms", "added in each direction", positive=True),
            "jitter": Param("duration", "0ms", "uniform, around the latency"),
        },
        at_most=(("jitter", "latency"),),
    )

    toxic = "latency"
    attempts = 3  # a single one may be late by chance
    to_end = False

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._latency_ms = max(1, round(1000 * float(param(spec, "latency"))))
        self._jitter_ms = round(1000 * float(param(spec, "jitter")))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `latency`."""
        return {"latency": self._latency_ms, "jitter": self._jitter_ms}

    def timeout_s(self, slowest_ms: float) -> float:
        """Wait for the longest possible delay if that is short, else for one latency."""
        longest_s = (5 * slowest_ms + 2 * (self._latency_ms + self._jitter_ms)) / 1000 + 1.0
        return min(longest_s, max(_WAIT_S, (slowest_ms + self._latency_ms) / 1000 + _MARGIN_S))

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the answer came late enough, or did not come in the time of one latency."""
        least_ms = len(self.streams) * self._latency_ms / 2
        return now.silent or gained_ms(before.first_ms, now.first_ms) >= least_ms
