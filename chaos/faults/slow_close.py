"""slow-close: delays the end of connections."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, gained_ms, link_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_WAIT_S = 1.0
_EARLY = 0.8  # the fastest exchange before may have been slower than the one now
_SHOWN_MS = 5.0  # less may come from the machine


class SlowClose(ToxicFault):
    """Lets bytes pass, and the end of a connection only after `delay`.

    Proof: a client that ends its side waits longer for the other side to end. If the delay is long,
    the end is not awaited.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "slow-close",
        "delays the end of connections",
        {"delay": Param("duration", "2s", "until the other side sees the end", positive=True)},
    )

    toxic = "slow_close"
    attempts = 3  # a single one may be late by chance
    hang_up = True
    idle_ms = 50

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._delay_ms = max(1, round(1000 * float(param(spec, "delay"))))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `slow_close`."""
        return {"delay": self._delay_ms}

    def timeout_s(self, slowest_ms: float) -> float:
        """Wait for the end if the delay is short."""
        return max(_WAIT_S, 5 * slowest_ms / 1000)

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the end came late or is still to come."""
        late_ms = gained_ms(before.ended_ms, now.ended_ms)
        is_late = late_ms >= max(_SHOWN_MS, _EARLY * self._delay_ms)
        return before.cut and (now.ended == "open" or is_late)
