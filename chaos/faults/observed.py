"""observed: a fault that others make; Gauntlet only knows, or is told, when."""

from typing import ClassVar

from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec


class Observed:
    """Does nothing. The planned times are journalled; those of `gauntlet mark` replace them.

    The proof is what the clients recorded, which is known only when the run is judged.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "observed", "marks the time of a fault that others make", own_end=True
    )

    def __init__(self, spec: Spec) -> None:
        del spec

    def inject(self, context: Context) -> Evidence:
        """Do nothing."""
        return {}

    def prove(self, context: Context) -> Evidence:
        """Return nothing: the judge looks for the proof in the clients' records."""
        return {}

    def heal(self, context: Context) -> Evidence:
        """Do nothing."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """Return nothing."""
        return {}
