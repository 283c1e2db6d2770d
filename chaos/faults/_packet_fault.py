"""What faults on packets share: rules of the kernel for the ports on which components listen."""

import secrets
from contextlib import ExitStack
from typing import ClassVar, Protocol

from gauntlet.chaos.faults._processes import verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import choose
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_OF_OTHERS = ("held", "paused")  # states that only other faults cause, and end


class Rules(Protocol):
    """The rules of one component, which end with the process that they belong to."""

    def affected(self) -> int:
        """Return how many packets were affected so far."""

    def remove(self) -> None:
        """Remove the rules; does nothing if they are gone."""

    @property
    def is_removed(self) -> bool:
        """Whether the kernel has no such rules any more."""


class PacketFault:
    """Affects a share of the packets of components, for all their clients, in both directions.

    A subclass adds the rules. `effect` is the participle of what they do to a packet.
    """

    kind: ClassVar[FaultKind]
    effect: ClassVar[str]

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._rules: dict[str, Rules] = {}
        self._acts = False  # whether every component has its rules
        self._unproven: Evidence = {}

    def add(self, table: str, ports: set[int]) -> Rules:
        """Add rules for ports; StackError, with what to do about it, if this machine cannot."""
        raise NotImplementedError

    def inject(self, context: Context) -> Evidence:
        """Add the rules. Where the kernel cannot have them there is no proof, but the reason."""
        for name in choose(context, self._spec):
            ports = {
                int(link.upstream.rpartition(":")[2])
                for link in context.plan.links
                if link.component == name
            }
            try:
                self._rules[name] = self.add(f"gauntlet_{secrets.token_hex(8)}", ports)
            except StackError as error:
                self._remove()
                return unproven(str(error))
        self._acts = bool(self._rules)
        return {"components": sorted(self._rules)}

    def prove(self, context: Context) -> Evidence:
        """Packets of each component have been affected."""
        if not self._acts:
            return {}
        affected: dict[str, int] = {}

        def all_are_affected() -> bool | None:
            affected.update(self._affected())
            return all(affected.values()) or None

        proven = poll(all_are_affected, PROVE_S, context.stop)
        evidence = {name: {self.effect: count} for name, count in affected.items()}
        if proven:
            return evidence
        self._unproven = evidence
        return {}

    def heal(self, context: Context) -> Evidence:
        """Remove the rules; report how many packets were affected."""
        try:
            affected = {name: count for name, count in self._affected().items() if count}
        finally:
            self._remove()
        detail: Evidence = {self.effect: affected} if affected else {}
        return {**detail, "unproven": self._unproven} if self._unproven else detail

    def verify(self, context: Context) -> Evidence:
        """The kernel has no rules of the fault any more, and the components are up."""
        if left := [name for name, rules in self._rules.items() if not rules.is_removed]:
            raise RollbackError(f"packets of {', '.join(left)} are still {self.effect}")
        return verify_running(context, list(self._rules), also=_OF_OTHERS)

    def _affected(self) -> dict[str, int]:
        return {name: rules.affected() for name, rules in self._rules.items()}

    def _remove(self) -> None:
        with ExitStack() as all_of_them:  # even if one cannot be removed
            for rules in self._rules.values():
                all_of_them.callback(rules.remove)
