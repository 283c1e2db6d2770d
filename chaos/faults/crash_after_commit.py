"""crash-after-commit: kills a message service after a commit, before the publish."""

import json
from pathlib import Path
from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import process_state, prove_each, select_victims
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.kill import Kill
from gauntlet.chaos.server_hooks.faults import SERVER_FAULTS
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec


class CrashAfterCommit(Kill):
    """Sends a signal to the first running component, whose hook kills it at its next commit.

    SIGUSR1 lets it answer the senders before, SIGUSR2 does not.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "crash-after-commit",
        "kills a message service between a commit and its publish",
        targets=("message",),
        params={
            "unanswered": Param(
                "flag", False, "kill it before the senders are answered, so that they retry"
            )
        },
        hook="crash_after_commit",
    )

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._signal = "USR2" if param(spec, "unanswered") else "USR1"
        self._log = Path()
        self._log_bytes = 0

    def inject(self, context: Context) -> Evidence:
        """Arm the hook. The cluster waits for the end of the process and holds it down."""
        if context.logs is None:
            raise StackError("this stack writes no logs, so the fault could not be proven")
        ((name, component),) = select_victims(context, self._spec.target, 1).items()
        self._log = context.logs / f"{name}.log"
        self._log_bytes = self._log.stat().st_size
        # Noted before the call: a call that is not answered may have acted anyway.
        self._victims[name] = component
        context.require_control().kill(name, self._signal)
        return {"components": [name]}

    def prove(self, context: Context) -> Evidence:
        """The process is gone, and the last line of its log names what it had committed."""

        def inspect(victim: Component) -> tuple[bool, Evidence]:
            process, message = process_state(victim.pid), self._logged_commit()
            evidence = {"pid": victim.pid, "process": process, "last_words": message}
            return process == "gone" and bool(message), evidence

        return prove_each(context, self._victims, inspect)

    def _logged_commit(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_bytes)
            lines = log.read().splitlines()
        module = SERVER_FAULTS["crash_after_commit"].module.encode()
        rows = (json.loads(line) for line in lines if module in line)
        return next((row["message"] for row in rows if "not published" in row["message"]), "")
