"""bandwidth: limits the rate of a link."""

from typing import ClassVar

from gauntlet.chaos.faults._paced import PacedFault
from gauntlet.chaos.faults._toxic_fault import link_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec


class Bandwidth(PacedFault):
    """Delays what exceeds `kb_per_s`, separately for each connection and direction."""

    kind: ClassVar[FaultKind] = link_kind(
        "bandwidth",
        "limits the rate of each connection of a link",
        {
            "kb_per_s": Param(
                "whole",
                10,
                "rate in each direction; 1 KB is 1,000 bytes",
                instead="the fault stall lets nothing through",
            )
        },
    )

    toxic = "bandwidth"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._bytes_per_ms = int(param(spec, "kb_per_s"))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `bandwidth`; its KB are 1,000 bytes."""
        return {"rate": self._bytes_per_ms}

    def needed_ms(self, size: int) -> float:
        """Return the time of transmission."""
        return size / self._bytes_per_ms
