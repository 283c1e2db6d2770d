"""Kills the harness at a random time of a run, recovers, and looks for what is left."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.resilience import death_scenarios
from benchmarks.resilience.external_target import ExternalTarget, external_target
from benchmarks.resilience.leftovers import Traces
from benchmarks.resilience.records import DeathRecord, evidence
from gauntlet.stacks.subprocesses import python

_PHASES = ("boot", "load", "end")
_WEIGHTS = (2, 7, 1)
_BOOT_S = 6.0
_END_S = 5.0  # quiesce, judgement and report
_SHORT_S = death_scenarios.RAMP_S + death_scenarios.STEADY_S
_LOAD_S = {"faults": _SHORT_S, "toxiproxy": _SHORT_S, "tour": 90.0}
SCENARIOS = tuple(_LOAD_S)
_STARTED_S = 180.0
_RECOVER_S = 180.0
_POLL_S = 0.05


class EndedEarly(Exception):
    """The run ended before it was to be killed."""


class Moment(NamedTuple):
    """When the harness dies: so many seconds after its start, the ramp, or the end of the load."""

    phase: str
    after_s: float


def moment(seed: int, load_s: float) -> Moment:
    """Return the moment of a death."""
    stream = random.Random(f"{seed}/moment")
    (phase,) = stream.choices(_PHASES, _WEIGHTS)
    limit_s = {"boot": _BOOT_S, "load": load_s, "end": _END_S}[phase]
    return Moment(phase, round(stream.uniform(0.1, limit_s), 2))


class Recovery(NamedTuple):
    """How a `gauntlet recover` ended, and what it did; `hung` if it had to be killed."""

    code: int
    outcomes: tuple[str, ...]
    hung: bool = False


class Trial:
    """One run in folders of its own."""

    def __init__(
        self, folder: Path, scenario: str, seed: int, target: ExternalTarget | None = None
    ) -> None:
        self.stack = death_scenarios.stack_of(seed) if scenario == "faults" else "embedded"
        self._name, self._seed, self._target = scenario, seed, target
        self._folder = folder
        self._state, self._temporary = folder / "state", folder / "tmp"
        self._flag = folder / "flag"
        # PostgreSQL and RabbitMQ, which do not run as root, have to reach it.
        folder.chmod(0o711)
        self._temporary.mkdir()
        self._temporary.chmod(0o711)
        self._faults: dict[str, str] = {}
        self._recovered = False
        self.traces = Traces(self._temporary, self._state, self._flag)

    def run(self) -> DeathRecord:
        """Kill the harness, recover, and return what was found; EndedEarly if it did not die."""
        chosen = moment(self._seed, _LOAD_S[self._name])
        self._die(chosen)
        acting, before = self._acting(), self.traces.counts()
        if self._target is not None:
            before["toxics"] = self._target.count()
        began_s = time.monotonic()
        recovery = self._recover()
        took_s = time.monotonic() - began_s
        left = recovery.outcomes if recovery.hung else ()
        left += self.traces.left() + (self._target.left() if self._target else ())
        again = self._recover()
        if again.outcomes or again.code:
            left = (*left, f"a second recovery found something: {list(again.outcomes)}"[:300])
        return DeathRecord(
            scenario=self._name,
            seed=self._seed,
            stack=self.stack,
            phase=chosen.phase,
            after_s=chosen.after_s,
            faults=tuple(self._faults.values()),
            acting=tuple(acting),
            before=before,
            left=left,
            recover_code=recovery.code,
            recover_s=round(took_s, 1),
            evidence=evidence(),
        )

    def clean_up(self) -> None:
        """Undo what a trial without a result has left, such as mounts and packet filters."""
        if not self._recovered:
            self._recover()
        self.traces.end()

    def _die(self, chosen: Moment) -> None:
        with (self._folder / "output").open("wb") as output:
            child = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            if chosen.phase != "boot":
                self._wait_for_load(child)
            later_s = _LOAD_S[self._name] if chosen.phase == "end" else 0.0
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(chosen.after_s + later_s)
                raise EndedEarly(f"exit {child.returncode}: {self._output()}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGKILL)
            child.wait()

    def _command(self) -> list[str]:
        what = self._name
        if what != "tour":
            if self._target is None:
                scenario = death_scenarios.scenario(self._seed, self.stack, self._flag)
            else:
                scenario = self._target.changes(death_scenarios.toxics(self._seed, self._flag))
            file = self._folder / "scenario.yaml"
            file.write_text(yaml.safe_dump(scenario))
            self._faults = {fault["id"]: fault["kind"] for fault in scenario["faults"]}
            what = str(file)
        runs = str(self._folder / "runs")
        return python("gauntlet", "run", what, "--plain", "--allow-exec", "--out", runs)

    def _wait_for_load(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _STARTED_S
        while not any(row.get("phase") == "ramp" for row in self._rows("load-*.jsonl")):
            if child.poll() is not None or time.monotonic() > deadline:
                raise EndedEarly(f"the load did not begin: {self._output()}")
            time.sleep(_POLL_S)

    def _acting(self) -> list[str]:
        """Return the kinds of the faults that were requested, and not healed."""
        acting: dict[str, str] = {}
        for row in self._rows("chaos.jsonl"):
            if row.get("kind") != "fault":
                continue
            if row["step"] == "requested":
                acting[row["id"]] = self._faults.get(row["id"], row["id"])
            elif row["step"] == "healed":
                acting.pop(row["id"], None)
        return list(acting.values())

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        for file in (self._folder / "runs").glob(f"*/events/{name}"):
            for line in file.read_text(errors="replace").splitlines():
                with contextlib.suppress(ValueError):  # a last line that the kill cut off
                    yield json.loads(line)

    def _recover(self) -> Recovery:
        try:
            done = subprocess.run(
                python("gauntlet", "recover", "--json", "--allow-exec"),
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_RECOVER_S,
                check=False,
                start_new_session=True,  # Ctrl-C of a campaign must not end it in the middle
            )
        except subprocess.TimeoutExpired:
            return Recovery(1, (f"a recovery that did not end within {_RECOVER_S:g} s",), hung=True)
        self._recovered = True
        try:
            outcomes = json.loads(done.stdout)["outcomes"]
        except ValueError:
            return Recovery(done.returncode or 1, (done.stderr[-300:],))
        return Recovery(done.returncode, tuple(each["text"] for each in outcomes))

    @property
    def _environment(self) -> dict[str, str]:
        own = {"TMPDIR": str(self._temporary), "GAUNTLET_STATE_DIR": str(self._state)}
        return {**os.environ, **own}

    def _output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-500:]


@contextlib.contextmanager
def trial(scenario: str, seed: int) -> Iterator[Trial]:
    """Run a trial in a new folder; nothing of it is left afterwards, whatever the result is."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="gauntlet-death-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        target = None
        if scenario == "toxiproxy":
            target = cleanup.enter_context(external_target(folder / "proxy.log"))
        found = Trial(folder, scenario, seed, target)
        cleanup.callback(found.clean_up)
        yield found
