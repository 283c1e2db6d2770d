"""The journal of the faults, of which each is noted for a recovery before it is injected."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gauntlet.chaos.faults.base import param
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.model import Fault
from gauntlet.runner.recovery.journal import RecoveryJournal


class FaultJournal:
    """Writes the rows of faults to the run's journal, and what heals them to the recovery's."""

    def __init__(
        self, journal: Journal, recovery: RecoveryJournal, faults: Iterable[Fault], run: Path
    ) -> None:
        self._journal = journal
        self._recovery = recovery
        self._commands = {
            fault.id: {
                "heal": fault.params["heal"],
                "verify": fault.params.get("verify"),
                "timeout_s": param(fault, "timeout"),
                "path": str(run.resolve()),
                "folder": str(Path.cwd()),  # the commands of the scenario may name files in it
            }
            for fault in faults
            if fault.kind == "command"
        }

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append one row; it is on disk when the call returns."""
        step = fields.get("step") if kind == "fault" else None
        if step == "requested":
            self._recovery.note_fault_requested(fields["id"], self._commands.get(fields["id"], {}))
        elif step == "healed":
            self._healed(fields["id"])
        elif kind == "control-group":
            self._recovery.note_control_group(fields["path"])
        try:
            self._journal.write(kind, t_ns=t_ns, **fields)
        except BaseException:
            if step == "requested":  # it is not injected then
                self._healed(fields["id"])
            raise

    def _healed(self, name: str) -> None:
        # Without this row, a recovery heals the fault once more, which does no harm.
        with contextlib.suppress(OSError, ValueError):
            self._recovery.note_fault_healed(name)
