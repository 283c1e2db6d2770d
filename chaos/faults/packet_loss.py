"""packet-loss: the kernel drops packets to and from processes, and TCP sends them again."""

import secrets
from contextlib import ExitStack
from typing import ClassVar

from gauntlet.chaos.clients.packet_filter import PacketFilter
from gauntlet.chaos.faults._processes import verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_OF_OTHERS = ("held", "paused")  # states that only other faults cause, and end


class PacketLoss:
    """Drops a share of the packets of the ports on which components listen, in both directions."""

    kind: ClassVar[FaultKind] = FaultKind(
        "packet-loss",
        "drops packets to and from processes at random, as a bad network does",
        targets=("role",),
        params={
            "loss": Param("percent", 10, "share of the packets that are dropped"),
            **VICTIM_PARAMS,
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._share = float(param(spec, "loss")) / 100
        self._filters: dict[str, PacketFilter] = {}
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Add the rules. Where the kernel cannot drop packets there is no proof, but the reason."""
        for name in choose(context, self._spec):
            ports = {
                int(link.upstream.rpartition(":")[2])
                for link in context.plan.links
                if link.component == name
            }
            table = f"gauntlet_{secrets.token_hex(8)}"
            try:
                self._filters[name] = PacketFilter(table, ports, self._share)
            except StackError as error:
                self._remove()
                return unproven(str(error))
        return {"components": sorted(self._filters)}

    def prove(self, context: Context) -> Evidence:
        """Packets of each component have been dropped."""
        dropped: dict[str, int] = {}

        def all_lose() -> bool | None:
            dropped.update(self._dropped())
            return all(dropped.values()) or None

        proven = bool(self._filters) and poll(all_lose, PROVE_S, context.stop)
        evidence = {name: {"dropped": count} for name, count in dropped.items()}
        if proven:
            return evidence
        self._unproven = evidence
        return {}

    def heal(self, context: Context) -> Evidence:
        """Remove the rules; report how many packets were dropped."""
        try:
            dropped = {name: count for name, count in self._dropped().items() if count}
        finally:
            self._remove()
        detail: Evidence = {"dropped": dropped} if dropped else {}
        return {**detail, "unproven": self._unproven} if self._unproven else detail

    def verify(self, context: Context) -> Evidence:
        """The kernel has no rules of the fault any more, and the components are up."""
        if left := [name for name, each in self._filters.items() if not each.is_removed]:
            raise RollbackError(f"packets of {', '.join(left)} are still dropped")
        return verify_running(context, list(self._filters), also=_OF_OTHERS)

    def _dropped(self) -> dict[str, int]:
        return {name: each.dropped() for name, each in self._filters.items()}

    def _remove(self) -> None:
        with ExitStack() as all_of_them:  # even if one cannot be removed
            for each in self._filters.values():
                all_of_them.callback(each.remove)
