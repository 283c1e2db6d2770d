"""command: commands of the user's own inject a fault, prove it, heal it, and verify the heal."""

import tempfile
import threading
from pathlib import Path
from typing import ClassVar

from gauntlet.chaos.clients import process_group
from gauntlet.chaos.clients.process_group import Completed
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_PAUSE_S = 0.3  # between two attempts of `prove` or `verify`


class Command:
    """Runs `inject`, `prove`, `heal` and `verify`; each succeeds with the exit code 0.

    Effects take time to show, so `prove` and `verify` are tried again until they succeed, for
    `PROVE_S` and `VERIFY_S`. `inject` and `heal` are not interrupted when the run is stopped.

    `prove` runs once before `inject` as well, and has to fail then: a command that always succeeds,
    such as a misspelt one behind `!`, is no proof.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "command",
        "runs commands that inject a fault, prove it, heal it, and verify the heal",
        params={
            "inject": Param("command", None, "injects the fault", required=True),
            "prove": Param("command", None, "succeeds if the fault acts; fails before `inject`"),
            "heal": Param("command", None, "undoes the fault; may run repeatedly", required=True),
            "verify": Param("command", None, "succeeds if the fault is undone"),
            "timeout": Param("duration", "10s", "the time limit of each command", positive=True),
        },
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._timeout_s = float(param(spec, "timeout"))
        self._injected = False

    def inject(self, context: Context) -> Evidence:
        """Run `inject`; a command that fails may have acted anyway, so it is healed."""
        self._require_failing_proof(context)
        self._injected = True
        result = self._run("inject", context)
        if result.reason:
            raise FaultFailed(f"inject: {result.reason}", {"inject": result.as_evidence()})
        return {"inject": result.as_evidence()}

    def prove(self, context: Context) -> Evidence:
        """Run `prove` until it succeeds; without one, the judge looks at the clients' records."""
        if "prove" not in self._spec.params:
            return {}
        result = self._until_success("prove", PROVE_S, context, context.stop)
        proof = {"prove": result.as_evidence()}
        if result.reason:
            raise FaultFailed(f"prove: {result.reason}", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Run `heal`, whatever happened before."""
        if not self._injected:
            return {}
        result = self._run("heal", context)
        if result.reason:
            raise RollbackError(f"heal: {result.reason}; its output: {result.output or 'none'}")
        return {"heal": result.as_evidence()}

    def verify(self, context: Context) -> Evidence:
        """Run `verify` until it succeeds; without one, the exit code of `heal` is all there is."""
        if not self._injected:
            return {}
        if "verify" not in self._spec.params:
            return {"verify": "no command; heal ended with exit code 0"}
        result = self._until_success("verify", VERIFY_S, context)
        if result.reason:
            raise RollbackError(f"verify: {result.reason}; its output: {result.output or 'none'}")
        return {"verify": result.as_evidence()}

    def _require_failing_proof(self, context: Context) -> None:
        if "prove" not in self._spec.params:
            return
        result = self._run("prove", context, context.stop)
        if not result.reason:
            raise FaultFailed(
                "prove succeeds before inject, so its success does not show that the fault acts; "
                "inject was not run",
                {"prove": result.as_evidence()},
            )

    def _until_success(
        self, step: str, within_s: float, context: Context, stop: threading.Event | None = None
    ) -> Completed:
        last: list[Completed] = []

        def succeeded() -> bool | None:
            last[:] = [self._run(step, context, stop)]
            return not last[0].reason or None

        poll(succeeded, within_s, stop, _PAUSE_S)
        return last[0]

    def _run(self, step: str, context: Context, stop: threading.Event | None = None) -> Completed:
        logs = context.logs or Path(tempfile.gettempdir())
        return process_group.run(
            self._spec.params[step],
            timeout_s=self._timeout_s,
            environment={**context.environment, "GAUNTLET_FAULT": self._spec.id},
            output=logs / f"fault-{self._spec.id}-{step}.log",
            stop=stop,
        )
