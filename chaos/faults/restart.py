"""restart: kills processes and starts them again immediately, once or again and again."""

import threading
import time
from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import prove_each, start_stopped, verify_running
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_JOIN_S = 60.0  # a start that is in progress may take as long as the control API allows


class Restart:
    """Restarts running components; with `every`, a thread goes on doing so until the heal."""

    kind: ClassVar[FaultKind] = FaultKind(
        "restart",
        "kills processes and starts them again immediately, once or repeatedly",
        targets=("role",),
        params={
            **VICTIM_PARAMS,
            "every": Param(
                "duration", None, "restart them again this often until the heal", positive=True
            ),
        },
        exclusive=COUNT_OR_PERCENT,
        within=(("every", "restarts nothing again"),),
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._every_s: float | None = param(spec, "every")
        self._before: dict[str, Component] = {}
        self._restarts = 0
        self._error: StackError | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def inject(self, context: Context) -> Evidence:
        """Restart the components once, and begin to repeat it if that is wanted."""
        # Noted before the first call: one that is not answered may have acted anyway.
        self._before = choose(context, self._spec)
        began_s = time.monotonic()
        self._restart(context)
        if self._every_s is not None:
            self._thread = threading.Thread(
                target=self._repeat, args=(context, began_s, self._every_s), name="restarts"
            )
            self._thread.start()
        return {"components": sorted(self._before)}

    def prove(self, context: Context) -> Evidence:
        """Each component has another process than before."""

        def inspect(before: Component) -> tuple[bool, Evidence]:
            pid = context.require_control().components()[before.name].pid
            return pid is not None and pid != before.pid, {"pids": [before.pid, pid]}

        return prove_each(context, self._before, inspect)

    def heal(self, context: Context) -> Evidence:
        """Repeat it no more, and start what a restart that failed has left down.

        Raises FaultFailed if a repeated restart failed, or if there was none.
        """
        self._end.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        if self._before:
            start_stopped(context, self._before)
        if self._error is not None:
            raise FaultFailed(f"no restart after number {self._restarts}: {self._error}")
        if self._thread is not None and self._restarts < 2 and not context.stop.is_set():
            raise FaultFailed("the fault ended before the components were restarted again")
        return {"restarts": self._restarts}

    def verify(self, context: Context) -> Evidence:
        """The components are up."""
        return verify_running(context, list(self._before))

    def _restart(self, context: Context) -> None:
        control = context.require_control()
        for name in self._before:
            control.kill(name)
            control.start(name)
        self._restarts += 1

    def _repeat(self, context: Context, began_s: float, every_s: float) -> None:
        """Restart the components every `every_s` seconds, or as soon as they are up if later."""
        while True:
            began_s = max(began_s + every_s, time.monotonic())
            if self._end.wait(max(0.0, began_s - time.monotonic())):
                return
            try:
                self._restart(context)
            except StackError as error:
                self._error = error
                return
