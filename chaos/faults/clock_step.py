"""clock-step: the wall clock of processes jumps, and jumps back at the heal."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.chaos.faults._clock import ClockFault, clock_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_SIGNS = {"forward": 1, "backward": -1}


class ClockStep(ClockFault):
    """Lets the clocks be ahead or behind by a fixed time."""

    kind: ClassVar[FaultKind] = clock_kind(
        "clock-step",
        "sets the wall clock of processes forward or back",
        {
            "step": Param("duration", "1h", "how far the clock is off", positive=True),
            "direction": Param(
                "choice", "forward", "whether it is ahead or behind", choices=tuple(_SIGNS)
            ),
        },
    )

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._offset_s = _SIGNS[param(spec, "direction")] * float(param(spec, "step"))

    def shift(self, clock: ClockFile) -> Mapping[str, Any]:
        """Set the clock."""
        clock.shift(self._offset_s)
        return {"offset_s": self._offset_s}
