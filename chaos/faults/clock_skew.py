"""clock-skew: the wall clock of processes runs too fast or too slow, and is set at the heal."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.chaos.faults._clock import ClockFault, clock_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_SIGNS = {"fast": 1, "slow": -1}
_MS_PER_S = 1000


class ClockSkew(ClockFault):
    """Lets the clocks deviate by a fixed time more in each second."""

    kind: ClassVar[FaultKind] = clock_kind(
        "clock-skew",
        "lets the wall clock of processes run too fast or too slow",
        {
            "per_second": Param(
                "duration", "100ms", "what the clock gains or loses each second", positive=True
            ),
            "direction": Param(
                "choice", "fast", "whether it gains or loses", choices=tuple(_SIGNS)
            ),
        },
    )

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._drift = _SIGNS[param(spec, "direction")] * float(param(spec, "per_second"))

    def shift(self, clock: ClockFile) -> Mapping[str, Any]:
        """Let the clock deviate from now on."""
        clock.shift(0.0, self._drift)
        return {"ms_per_s": self._drift * _MS_PER_S}
