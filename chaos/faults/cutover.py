"""cutover: moves every WebSocket client from one environment to the other."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import CutoverStatus, CutoverStep
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_OTHER = {"blue": "green", "green": "blue"}
_ENDED = {"done", "rolled-back", "failed"}
_MOVING = {"drain", "monitor", "close", "retire", "done"}
_PREPARE_TIMEOUT_S = 60.0  # a whole environment is started and verified
_FINISH_TIMEOUT_S = 60.0  # in addition to the drain


class Cutover:
    """Starts a cutover and follows it. It acts from the drain on, and is healed when it has ended.

    With the parameter `end: rolled-back` it is expected to roll back, either because a rollback is
    requested (`rollback_after`) or because the new environment does not work. If the run is stopped
    during the cutover, a rollback is requested, which is possible until the old environment closes
    its listener; after that, the fault waits for the end.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "cutover",
        "moves every WebSocket client from the current environment to the other one",
        targets=("edge",),
        params={
            "drain": Param("duration", "8s", "time over which clients are asked to reconnect"),
            "canaries": Param("flag", True, "verify the new environment first"),
            "rollback_after": Param(
                "duration", None, "request a rollback this long after the drain has begun"
            ),
            "broken": Param(
                "flag", False, "make the new environment push no messages", hook="mute_edge"
            ),
            "end": Param("choice", "done", "the expected end", choices=("done", "rolled-back")),
        },
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._id = spec.id
        self._drain_s = float(param(spec, "drain"))
        self._canaries = bool(param(spec, "canaries"))
        self._rollback_after_s: float | None = param(spec, "rollback_after")
        self._expected_end = str(param(spec, "end"))
        # A broken environment acts as soon as canaries use it; no client is expected to reach it.
        self._acting = _MOVING | ({"verify"} if param(spec, "broken") else set())
        self._source = ""  # the environment that clients leave
        self._started_ns: int | None = None
        self._journalled_steps = 0
        self._overdue = False
        self._status: CutoverStatus | None = None

    def inject(self, context: Context) -> Evidence:
        """Start the cutover; return when clients are being moved (broken: when canaries are)."""
        self._source = context.require_control().cutover().environment
        destination = _OTHER[self._source]
        # Noted before the call: a call that is not answered may have acted anyway.
        self._started_ns = clock.now_ns()
        drain_ms = round(self._drain_s * 1000)
        control = context.require_control()
        control.begin_cutover(destination, drain_ms=drain_ms, canaries=self._canaries)
        self._follow(context, self._acting | _ENDED, _PREPARE_TIMEOUT_S, heed_stop=True)
        return {"from": self._source, "to": destination, "drain_ms": drain_ms}

    def prove(self, context: Context) -> Evidence:
        """The cutover has reached its drain, or its expected end."""
        if self._state() not in _MOVING | _ENDED:
            self._follow(context, _MOVING | _ENDED, _PREPARE_TIMEOUT_S, heed_stop=True)
        proof, state = self._evidence(), self._state()
        if state not in _MOVING and state != self._expected_end:
            raise FaultFailed(f"the cutover did not reach its drain; its state is {state}", proof)
        if self._rollback_after_s is not None:
            context.stop.wait(self._rollback_after_s)
            self._request_rollback(context)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; if the run is being stopped, request a rollback first."""
        if not self._is_started(context):
            return {}
        timeout_s = self._drain_s + _FINISH_TIMEOUT_S
        self._follow(context, _ENDED, timeout_s, heed_stop=True)
        if self._state() not in _ENDED:
            if context.stop.is_set():
                self._request_rollback(context)
            elif not self._overdue:
                # The fault has failed, even if the cutover ends during a later attempt to heal.
                self._overdue = True
                state, evidence = self._state(), self._evidence()
                self._request_rollback(context)
                raise FaultFailed(
                    f"the cutover did not end within {timeout_s:.0f} s, so a rollback was "
                    f"requested; its state was {state}",
                    evidence,
                )
            self._follow(context, _ENDED, timeout_s, heed_stop=False)
        elif self._state() == "rolled-back" != self._expected_end:
            cause = (self._status.error if self._status else "") or "no reason given"
            raise FaultFailed(f"the cutover rolled back by itself: {cause}", self._evidence())
        elif self._state() == "done" != self._expected_end:
            raise FaultFailed("the cutover completed instead of rolling back", self._evidence())
        return {"steps": [[step.state, step.t_ns, step.detail] for step in self._steps()]}

    def verify(self, context: Context) -> Evidence:
        """The cutover has ended, and new connections go to the environment that its end implies."""
        if not self._is_started(context):
            return {}
        state = self._state()
        expected = {"done": _OTHER[self._source], "rolled-back": self._source}.get(state)
        if self._status is None or self._status.environment != expected:
            raise RollbackError(f"the state of the cutover is {state}: {self._evidence()}")
        return self._evidence()

    def _is_started(self, context: Context) -> bool:
        """Whether our cutover exists: it may not have been requested, or been refused."""
        if self._started_ns is not None:
            self._refresh(context)
        return bool(self._steps())

    def _follow(
        self, context: Context, until: set[str], timeout_s: float, *, heed_stop: bool
    ) -> None:
        def reached() -> bool | None:
            self._refresh(context)
            return self._state() in until or None

        poll(reached, timeout_s, context.stop if heed_stop else None)

    def _refresh(self, context: Context) -> None:
        """Read the status and write every new step to the journal."""
        self._status = context.require_control().cutover()
        steps = self._steps()
        for step in steps[self._journalled_steps :]:
            row = {"id": self._id, "state": step.state, "detail": step.detail}
            context.record("cutover", t_ns=step.t_ns, **row)
        self._journalled_steps = len(steps)

    def _steps(self) -> list[CutoverStep]:
        """Return the steps of this cutover, without those of an earlier one in the same run."""
        if self._status is None or self._started_ns is None:
            return []
        return [step for step in self._status.steps if step.t_ns >= self._started_ns]

    def _state(self) -> str:
        steps = self._steps()
        return steps[-1].state if steps else "idle"

    def _evidence(self) -> Evidence:
        if self._status is None:
            return {"state": "idle"}
        return {
            "state": self._state(),
            "environment": self._status.environment,
            "connections": self._status.connections,
            "forced_closes": self._status.forced_closes,
            "error": self._status.error,
        }

    def _request_rollback(self, context: Context) -> None:
        try:
            context.require_control().roll_back_cutover()
        except StackError:
            return  # it is too late for a rollback: the cutover ends by itself
