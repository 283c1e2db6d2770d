"""rolling-update: restarts gateways and services one after the other, each gracefully."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import RollingStatus, RollingStep
from gauntlet.chaos.faults._processes import verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_FINISH_TIMEOUT_S = 120.0  # each process may take seconds to stop, and as long to start


class RollingUpdate:
    """Starts a rolling update and follows it. The fault heals itself when the update is done."""

    kind: ClassVar[FaultKind] = FaultKind(
        "rolling-update",
        "restarts gateways and services one after the other, each gracefully",
        targets=("gateway",),
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._started_ns: int | None = None
        self._status = RollingStatus("idle")

    def inject(self, context: Context) -> Evidence:
        """Start the update."""
        # Noted before the call: a call that is not answered may have acted anyway.
        self._started_ns = clock.now_ns()
        context.require_control().begin_rolling_update()
        return {}

    def prove(self, context: Context) -> Evidence:
        """A component is stopping, or has been restarted."""
        poll(lambda: bool(self._refresh(context)) or None, PROVE_S, context.stop)
        proof = {"steps": [[step.component, step.state] for step in self._steps()]}
        if not self._steps():
            raise FaultFailed("no component was restarted", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; raises FaultFailed if a component did not come back."""
        if self._started_ns is None:
            return {}
        poll(lambda: self._refresh(context) is None or self._is_over() or None, _FINISH_TIMEOUT_S)
        steps = [[step.component, step.state, step.t_ns] for step in self._steps()]
        if self._status.state == "failed":
            raise FaultFailed(f"the rolling update failed: {self._status.error}", {"steps": steps})
        return {"steps": steps}

    def verify(self, context: Context) -> Evidence:
        """Every component that the update restarted is up."""
        return verify_running(context, sorted({step.component for step in self._steps()}))

    def _refresh(self, context: Context) -> list[RollingStep]:
        self._status = context.require_control().rolling_update()
        return self._steps()

    def _steps(self) -> list[RollingStep]:
        """Return the steps of this update, without those of an earlier one in the same run."""
        if self._started_ns is None:
            return []
        return [step for step in self._status.steps if step.t_ns >= self._started_ns]

    def _is_over(self) -> bool:
        return self._status.state in ("done", "failed")
