"""slicer: cuts what passes a link into small pieces, one after the other."""

import math
from typing import ClassVar

from gauntlet.chaos.faults._paced import PacedFault
from gauntlet.chaos.faults._toxic_fault import link_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_VARIATION = 0.5  # of the size of a piece


class Slicer(PacedFault):
    """Sends pieces of `bytes` ± half of it, with `delay` after each; nothing is lost."""

    kind: ClassVar[FaultKind] = link_kind(
        "slicer",
        "cuts what passes a link into small pieces",
        {
            "bytes": Param("whole", 50, "size of a piece, plus or minus half of it"),
            "delay": Param("duration", "2ms", "after each piece", positive=True),
        },
    )

    toxic = "slicer"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._size = int(param(spec, "bytes"))
        self._variation = int(self._size * _VARIATION)
        self._delay_us = max(1, round(1_000_000 * float(param(spec, "delay"))))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `slicer`."""
        return {
            "average_size": self._size,
            "size_variation": self._variation,
            "delay": self._delay_us,
        }

    def needed_ms(self, size: int) -> float:
        """Return the delays between the fewest pieces that there can be."""
        pieces = math.ceil(size / (self._size + self._variation))
        return max(0, pieces - 1) * self._delay_us / 1000
