"""failover: a store is killed and its standby promoted; at the heal it becomes the standby."""

from typing import ClassVar

from gauntlet.chaos.clients import replication
from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.replication import StoreRole
from gauntlet.chaos.faults._processes import (
    process_state,
    select_victims,
    start_stopped,
    verify_running,
)
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec


class Failover:
    """Kills the primary, and promotes its standby after the time that it takes to decide that."""

    kind: ClassVar[FaultKind] = FaultKind(
        "failover",
        "kills a store and promotes its standby, to which the services must connect",
        targets=("messages-db", "users-db", "registry"),
        params={
            "promote_after": Param(
                "duration", "1s", "how long the store is gone before the standby is promoted"
            )
        },
        lasts=True,
        within=(("promote_after", "ends before the promotion"),),
        standby=True,
        supervised=True,
        instead="kill",
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._promote_after_s: float = param(spec, "promote_after")
        self._primary: Component | None = None
        self._standby = ""

    def inject(self, context: Context) -> Evidence:
        """Kill the primary, wait, and promote the standby; FaultFailed if it does not follow."""
        control = context.require_control()
        ((name, primary),) = select_victims(context, self._spec.target, 1).items()
        standby = f"{name}-standby"
        before = self._role(context, name)
        if before is None or not before.is_primary or not before.standbys:
            evidence = {} if before is None else before.as_evidence()
            raise FaultFailed(f"{name} is no primary that a standby follows", evidence)
        # Noted before the call: a call that is not answered may have acted anyway.
        self._primary, self._standby = primary, standby
        control.kill(name)
        context.stop.wait(self._promote_after_s)
        control.promote(standby)
        return {"components": [name], "promoted": standby}

    def prove(self, context: Context) -> Evidence:
        """The process of the store is gone, and the promoted one accepts writes of the services."""
        primary = self._require_primary()
        last: Evidence = {}

        def taken_over() -> bool | None:
            process, role = process_state(primary.pid), self._role(context, self._standby)
            last.update(process=process, promoted={} if role is None else role.as_evidence())
            is_over = role is not None and role.is_primary and role.clients > 0
            return (process == "gone" and is_over) or None

        if not poll(taken_over, PROVE_S, context.stop):
            raise FaultFailed("the standby has not taken over", last)
        return last

    def heal(self, context: Context) -> Evidence:
        """Start the store that was killed; it takes its data from the promoted one."""
        if self._primary is None:
            return {}
        return {"started": start_stopped(context, [self._primary.name])}

    def verify(self, context: Context) -> Evidence:
        """Both run, one as the primary and the other one as the standby that follows it."""
        if self._primary is None:
            return {}
        names = [self._primary.name, self._standby]
        states = verify_running(context, names)
        roles: dict[str, StoreRole | None] = {}

        def followed() -> str | None:
            roles.update({name: self._role(context, name) for name in names})
            leaders = [name for name, role in roles.items() if role is None or role.is_primary]
            leader = roles[leaders[0]] if len(leaders) == 1 else None
            return leaders[0] if leader is not None and leader.standbys else None

        primary = poll(followed, VERIFY_S)
        if primary is None:
            raise RollbackError(f"of {' and '.join(names)}, none follows the other one")
        return {**states, "primary": primary}

    def _role(self, context: Context, name: str) -> StoreRole | None:
        control = context.require_control()
        component = control.components().get(name)
        address = None if component is None else component.address
        if address is None:
            return None
        kind = next(link.kind for link in context.plan.links if link.component == name)
        return replication.role_of(kind, address, control.password(name))

    def _require_primary(self) -> Component:
        if self._primary is None:
            raise FaultFailed("the fault has not been injected")
        return self._primary
