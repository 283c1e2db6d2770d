"""bandwidth: limits the rate of a link."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._flapping import TOGETHER
from gauntlet.chaos.faults._toxic_fault import SHARED, ToxicFault, gained_ms
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS
from gauntlet.core.scenario.model import Fault as Spec

_REQUEST_BYTES = 40  # less than any request that can be repeated, except an inline PING
_EXCHANGE_MS = 100  # an exchange of this length is not mistaken for a slow machine
_SHOWN_MS = 5.0  # less may come from the machine
_REPEAT_MAX = 400


class Bandwidth(ToxicFault):
    """Delays what exceeds `kb_per_s`, separately for each connection and direction.

    Proof: an exchange takes at least half as much longer as its bytes need at that rate.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "bandwidth",
        "limits the rate of each connection of a link",
        targets=("link",),
        params={
            "kb_per_s": Param("number", 10, "rate in each direction; 1 KB is 1,000 bytes"),
            **SHARED,
        },
        needs_link=True,
        external=EXTERNAL_LINKS,
        lasts=True,
        together=TOGETHER,
    )

    toxic = "bandwidth"
    attempts = 3  # a single one may be late by chance

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._bytes_per_ms = int(param(spec, "kb_per_s"))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `bandwidth`; its KB are 1,000 bytes."""
        return {"rate": self._bytes_per_ms}

    def repeat(self) -> int:
        """Return as many requests as take long enough to be seen."""
        return max(1, min(_REPEAT_MAX, self._bytes_per_ms * _EXCHANGE_MS // _REQUEST_BYTES))

    def timeout_s(self, slowest_ms: float) -> float:
        """Wait for the answer to all requests."""
        return 2.0 + 5 * slowest_ms / 1000

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the last byte came late enough; an answer that is incomplete shows nothing."""
        needed_ms = max(self._needed_ms(now, stream) for stream in self.streams)
        late_ms = gained_ms(before.last_ms, now.last_ms)
        visible = needed_ms >= _SHOWN_MS and now.received >= before.received
        return visible and late_ms >= max(_SHOWN_MS, needed_ms / 2)

    def _needed_ms(self, now: Exchange, stream: str) -> float:
        return (now.sent if stream == "upstream" else now.received) / self._bytes_per_ms
