"""crash-after-commit: a message service dies between the answers of a commit and its publish."""

import json
from pathlib import Path

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import process_state, prove_each, victims
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.kill import Kill
from gauntlet.chaos.server_hooks.faults import SERVER_FAULTS
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.model import Fault as Spec


class CrashAfterCommit(Kill):
    """SIGUSR1 to the first running component; the hook inside kills it at its next commit."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, count=1)
        self._log = Path()
        self._log_bytes = 0

    def inject(self, context: Context) -> Evidence:
        """Arm the hook. The cluster waits for the end, and holds the component down."""
        if context.logs is None:
            raise StackError("this stack's logs cannot be read, so that nothing would be proven")
        ((name, component),) = victims(context, self._target, 1).items()
        self._log = context.logs / f"{name}.log"
        self._log_bytes = self._log.stat().st_size
        self._hit[name] = component  # before the call: it may act and yet not be answered
        context.require_control().kill(name, "USR1")
        return {"components": [name]}

    def prove(self, context: Context) -> Evidence:
        """The process is gone, and its last words name what it had committed."""

        def look(victim: Component) -> tuple[bool, Evidence]:
            process, words = process_state(victim.pid), self._last_words()
            facts = {"pid": victim.pid, "process": process, "last_words": words}
            return process == "gone" and bool(words), facts

        return prove_each(context, self._hit, look)

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_bytes)
            lines = log.read().splitlines()
        module = SERVER_FAULTS["crash_after_commit"].module.encode()
        rows = (json.loads(line) for line in lines if module in line)
        return next((row["message"] for row in rows if "not published" in row["message"]), "")
