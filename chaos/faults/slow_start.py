"""slow-start: kills processes, whose start then takes long; the fault ends when they are up."""

import threading
import time
from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import port_state, start_stopped, verify_running
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_START_MAX_S = 60.0  # what a start may take besides the delay
_TRY_EVERY_S = 0.1


class SlowStart:
    """Starts each victim by the control API with a delay, in which it is `starting`."""

    kind: ClassVar[FaultKind] = FaultKind(
        "slow-start",
        "kills processes, whose start then takes longer by a delay",
        targets=("role",),
        params={
            **VICTIM_PARAMS,
            "start_delay": Param(
                "duration", "3s", "by how much the start takes longer, at most 30s", positive=True
            ),
        },
        exclusive=COUNT_OR_PERCENT,
        own_end=True,
        supervised=True,
        instead="kill",
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._delay_s: float = param(spec, "start_delay")
        self._starts: dict[str, _Start] = {}
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Kill the components, and begin to start them."""
        for name, component in choose(context, self._spec).items():
            start = self._starts[name] = _Start(context, component, self._delay_s)
            context.require_control().kill(name)
            start.begin()
        return {"components": sorted(self._starts)}

    def prove(self, context: Context) -> Evidence:
        """Each component came up with another process, no earlier than after the delay."""
        while any(start.is_under_way for start in self._starts.values()):
            for start in self._starts.values():
                start.count_refusal()
            if context.stop.wait(_TRY_EVERY_S):
                break
        proof = {name: start.as_evidence() for name, start in self._starts.items()}
        if all(start.was_slow for start in self._starts.values()):
            return proof
        self._unproven = proof
        return {}

    def heal(self, context: Context) -> Evidence:
        """Wait until the components have started; start again what could not."""
        for start in self._starts.values():
            start.join()
        if self._starts:
            start_stopped(context, self._starts)
        for name, start in self._starts.items():
            if start.error:
                raise FaultFailed(f"{name} could not be started: {start.error}")
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The components are up."""
        return verify_running(context, list(self._starts))


class _Start:
    """The start of one component, in a thread of its own."""

    def __init__(self, context: Context, before: Component, delay_s: float) -> None:
        self._control = context.require_control()
        self._before = before
        self._delay_s = delay_s
        self._began_s = self._took_s = 0.0
        self._refused = 0
        self._pid: int | None = None
        self._thread = threading.Thread(target=self._run, name=f"start {before.name}")
        self.error = ""

    def begin(self) -> None:
        """Begin the start of a component that is down."""
        self._began_s = time.monotonic()
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the start, if it has begun."""
        if self._thread.ident is not None:
            self._thread.join(self._delay_s + _START_MAX_S)

    def count_refusal(self) -> None:
        """Try to connect while the start is under way, and count it if that is refused."""
        refused = port_state(self._before.address) in ("refused", "none")
        self._refused += refused and self.is_under_way

    @property
    def is_under_way(self) -> bool:
        """Whether the component is not up yet."""
        return self._thread.is_alive()

    @property
    def was_slow(self) -> bool:
        """Whether another process came up, after the delay, and nothing answered before."""
        is_another = self._pid is not None and self._pid != self._before.pid
        return is_another and self._took_s >= self._delay_s and self._refused > 0

    def as_evidence(self) -> Evidence:
        """Return what was measured."""
        return {
            "pids": [self._before.pid, self._pid],
            "up_after_ms": round(self._took_s * 1000),
            "refused": self._refused,
        }

    def _run(self) -> None:
        try:
            self._control.start(self._before.name, delay_s=self._delay_s)
            self._took_s = time.monotonic() - self._began_s
            self._pid = self._control.components()[self._before.name].pid
        except StackError as error:
            self.error = str(error)
