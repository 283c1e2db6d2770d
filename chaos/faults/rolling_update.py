"""rolling-update: gateways and services are restarted one after the other, each gracefully."""

from gauntlet.chaos.clients.cluster_control import RollingStatus, RollingStep
from gauntlet.chaos.faults._processes import verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.scenario.model import Fault as Spec

_FINISH_S = 120.0  # a process may take seconds to end, and as long to start


class RollingUpdate:
    """Begins a rolling update and follows it. It heals itself when it is done."""

    def __init__(self, spec: Spec) -> None:
        self._began_ns: int | None = None
        self._status = RollingStatus("idle")

    def inject(self, context: Context) -> Evidence:
        """Begin."""
        self._began_ns = clock.now_ns()  # before the call: it may act and yet not be answered
        context.require_control().begin_rolling_update()
        return {}

    def prove(self, context: Context) -> Evidence:
        """A component of it is stopping, or has been."""
        poll(lambda: bool(self._look(context)) or None, PROVE_S, context.stop)
        proof = {"steps": [[step.component, step.state] for step in self._steps()]}
        if not self._steps():
            raise FaultFailed("no component was restarted", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; FaultFailed if a component did not come back by itself."""
        if self._began_ns is None:
            return {}
        poll(lambda: self._look(context) is None or self._is_over() or None, _FINISH_S)
        steps = [[step.component, step.state, step.t_ns] for step in self._steps()]
        if self._status.state == "failed":
            raise FaultFailed(f"the rolling update failed: {self._status.error}", {"steps": steps})
        return {"steps": steps}

    def verify(self, context: Context) -> Evidence:
        """Everything that it touched is up."""
        return verify_running(context, sorted({step.component for step in self._steps()}))

    def _look(self, context: Context) -> list[RollingStep]:
        self._status = context.require_control().rolling_update()
        return self._steps()

    def _steps(self) -> list[RollingStep]:
        """This update's steps: an earlier one in the same run has left its own."""
        if self._began_ns is None:
            return []
        return [step for step in self._status.steps if step.t_ns >= self._began_ns]

    def _is_over(self) -> bool:
        return self._status.state in ("done", "failed")
