"""cutover: every WebSocket client moves from one environment to the other."""

from gauntlet.chaos.clients.cluster_control import CutoverStatus, CutoverStep
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.scenario.model import Fault as Spec

_OTHER = {"blue": "green", "green": "blue"}
_ENDED = {"done", "rolled-back", "failed"}
_MOVING = {"drain", "monitor", "close", "retire", "done"}
_PREPARE_S = 60.0  # a whole environment is started and probed
_FINISH_S = 60.0  # beyond the drain itself


class Cutover:
    """Begins a cutover and follows it. Acts from the drain on; healed when it has ended.

    Where `end` says so it is to go back: because it is asked to (`rollback_after`), or by itself,
    because the new environment does not work. A run that is stopped in between asks for the way
    back, which exists until the old environment's listener is closed; after that it waits.
    """

    def __init__(self, spec: Spec) -> None:
        self._id = spec.id
        self._drain_s = float(param(spec, "drain"))
        self._canaries = bool(param(spec, "canaries"))
        self._back_after_s: float | None = param(spec, "rollback_after")
        self._wanted_end = str(param(spec, "end"))
        # What is broken acts as soon as canaries meet it: nobody else is to.
        self._acting = _MOVING | ({"verify"} if param(spec, "broken") else set())
        self._from = ""
        self._began_ns: int | None = None
        self._seen = 0
        self._status: CutoverStatus | None = None

    def inject(self, context: Context) -> Evidence:
        """Begin, and return when clients are being moved, or canaries where it is broken."""
        self._from = context.require_control().cutover().environment
        to = _OTHER[self._from]
        self._began_ns = clock.now_ns()  # before the call: it may act and yet not be answered
        drain_ms = round(self._drain_s * 1000)
        context.require_control().begin_cutover(to, drain_ms=drain_ms, canaries=self._canaries)
        self._follow(context, self._acting | _ENDED, _PREPARE_S, heed_stop=True)
        return {"from": self._from, "to": to, "drain_ms": drain_ms}

    def prove(self, context: Context) -> Evidence:
        """The cutover has entered its drain; one that is to go back may have done so before."""
        if self._state() not in _MOVING | _ENDED:
            self._follow(context, _MOVING | _ENDED, _PREPARE_S, heed_stop=True)
        proof, state = self._facts(), self._state()
        if state not in _MOVING and state != self._wanted_end:
            raise FaultFailed(f"the cutover did not come to its drain: {state}", proof)
        if self._back_after_s is not None:
            context.stop.wait(self._back_after_s)
            self._ask_back(context)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; go back where the run is being stopped and that is possible."""
        if not self._is_begun(context):
            return {}
        timeout_s = self._drain_s + _FINISH_S
        self._follow(context, _ENDED, timeout_s, heed_stop=True)
        if self._state() not in _ENDED:
            if context.stop.is_set():
                self._ask_back(context)
            self._follow(context, _ENDED, timeout_s, heed_stop=False)
        elif self._state() == "rolled-back" != self._wanted_end:
            raise FaultFailed("the cutover went back by itself", self._facts())
        elif self._state() == "done" != self._wanted_end:
            raise FaultFailed("the cutover went through", self._facts())
        return {"steps": [[step.state, step.t_ns, step.detail] for step in self._steps()]}

    def verify(self, context: Context) -> Evidence:
        """It ended, and new connections go where its end says."""
        if not self._is_begun(context):
            return {}
        state = self._state()
        wanted = {"done": _OTHER[self._from], "rolled-back": self._from}.get(state)
        if self._status is None or self._status.environment != wanted:
            raise RollbackError(f"the cutover stands at {state}: {self._facts()}")
        return self._facts()

    def _is_begun(self, context: Context) -> bool:
        """Whether there is a cutover of ours: none was asked for, or it was refused."""
        if self._began_ns is not None:
            self._look(context)
        return bool(self._steps())

    def _follow(
        self, context: Context, until: set[str], timeout_s: float, *, heed_stop: bool
    ) -> None:
        def reached() -> bool | None:
            self._look(context)
            return self._state() in until or None

        poll(reached, timeout_s, context.stop if heed_stop else None)

    def _look(self, context: Context) -> None:
        """Ask where it stands; journal every step that is new."""
        self._status = context.require_control().cutover()
        steps = self._steps()
        for step in steps[self._seen :]:
            row = {"id": self._id, "state": step.state, "detail": step.detail}
            context.record("cutover", t_ns=step.t_ns, **row)
        self._seen = len(steps)

    def _steps(self) -> list[CutoverStep]:
        """This cutover's steps: an earlier one in the same run has left its own."""
        if self._status is None or self._began_ns is None:
            return []
        return [step for step in self._status.steps if step.t_ns >= self._began_ns]

    def _state(self) -> str:
        steps = self._steps()
        return steps[-1].state if steps else "idle"

    def _facts(self) -> Evidence:
        if self._status is None:
            return {"state": "idle"}
        return {
            "state": self._state(),
            "environment": self._status.environment,
            "connections": self._status.connections,
            "forced_closes": self._status.forced_closes,
            "error": self._status.error,
        }

    def _ask_back(self, context: Context) -> None:
        try:
            context.require_control().roll_back_cutover()
        except StackError:
            return  # it is past the point of return, and will end by itself
