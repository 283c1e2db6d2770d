"""What half-open and refuse share: they treat old and new connections differently."""

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection

from gauntlet.chaos.clients.witnesses import Ending, Witnesses
from gauntlet.chaos.faults._toxic_fault import ToxicFault, attempts_of
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec

_ENDINGS_S = 0.5


class WitnessedFault(ToxicFault):
    """Shown by connections of our own that were opened before, and by exchanges over new ones.

    Proof: on every link that answered before, both show the fault.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._old: dict[str, Witnesses] = {}

    @abstractmethod
    def is_shown_by_old(self, endings: Counter[Ending]) -> bool:
        """Whether the old connections of a link show the fault, after a request on each."""

    def prepare(self, context: Context) -> Collection[str]:
        """Connect; the exchanges that follow take long enough for the proxy to connect too."""
        for name, link in self._toxics.targets(context).items():
            if link.kind:
                self._old[name] = Witnesses()
                self._old[name].connect([(link.kind, link.listen)], attempts_of(self._share))
        return super().prepare(context)

    def observe(self, context: Context) -> tuple[bool, Evidence]:
        """Send a request over each old connection, and look at new ones meanwhile."""
        old = {name: self._old[name] for name in self._before}
        for witnesses in old.values():
            witnesses.send_requests()
        deadline = time.monotonic() + max(_ENDINGS_S, self.timeout_s(self.slowest_ms()) / 2)
        proven, observed = super().observe(context)
        endings = {name: each.close(deadline - time.monotonic()) for name, each in old.items()}
        observed["old"] = {name: dict(each) for name, each in endings.items()}
        return proven and all(map(self.is_shown_by_old, endings.values())), observed

    def heal(self, context: Context) -> Evidence:
        """Remove the toxics, and close what is still open of our own."""
        detail = super().heal(context)
        for witnesses in self._old.values():
            witnesses.close(0.0)
        return detail
