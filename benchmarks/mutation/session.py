"""The pytest plug-in that runs all tests once, and then the mutants, each in a fork.

A run of the unchanged code shows which functions each golden history reaches and how long it takes.
A mutant meets the golden histories that reach its function, the fastest first, and then the tests
that mirror its file, or else all of its folder. With `every`, all tests are measured in this way,
and those that reach the function run, up to a total time; with `mirrors`, the tests that mirror one
of the files, and those of `further` files. CPU time is limited, not elapsed time, so that a busy
machine makes no timeouts. Nothing is written to the source tree.

Outcomes are held back until the unchanged code has passed the same tests again: what else makes a
test fail, such as a folder that another program removed, must not count as a mutant that is killed.
"""

import gc
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Literal

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from benchmarks.mutation.mutants import Mutant
from benchmarks.mutation.patching import apply
from gauntlet.campaigns.synthetic.histories import good_story

Outcome = Literal["killed", "survived", "timeout", "not applied"]
Say = Callable[[Mutant, Outcome, str, int], None]
Reached = tuple[str, str]  # file and function
# By process: the mutant (None: the unchanged code), a pipe, and how many tests there are.
Running = dict[int, tuple[Mutant | None, int, int]]

# Of tests for one mutant, as measured with the unchanged code. With `mirrors`, these are the tests
# of several modules: what takes longer than `_CPU_MAX_S` would count as a timeout.
_TESTS_MAX_S = 4.0
_MIRRORS_MAX_S = 12.0
_CPU_MAX_S = 20
_CONTROL_EVERY = 150
_MEMORY_MAX = 3 << 30
_GOLDEN = "test_golden_histories.py"
_SURVIVED, _KILLED, _NOT_APPLIED = 0, 1, 3


@dataclass
class _Known:
    """What the first run showed of a test."""

    item: pytest.Item
    took_s: float
    reached: set[Reached] = field(default_factory=set)


class Session:
    """A plug-in whose run loop tests mutants; `say` receives each outcome."""

    def __init__(
        self,
        mutants: Sequence[Mutant],
        root: Path,
        say: Say,
        *,
        jobs: int,
        every: bool = False,
        mirrors: bool = False,
        further: Sequence[Path] = (),
    ) -> None:
        self._mutants = mutants
        self._root = root
        self._say = say
        self._jobs = jobs
        self._every = every
        self._mirrors = mirrors
        self._further = further
        self._items: list[pytest.Item] = []
        self._waiting: list[tuple[Mutant | None, Outcome, str, int]] = []
        self._since_control: dict[pytest.Item, None] = {}
        self._known: list[_Known] = []
        self._modules: dict[str, ModuleType] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep only the first of several seeds of a test."""
        items[:] = [item for item in items if _seed(item) == 1]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once, and then the mutants."""
        hypothesis.settings.register_profile("mutation", database=None, derandomize=True)
        hypothesis.settings.load_profile("mutation")
        self._items = session.items
        good_story(1)  # is cached, so that no fork has to generate it
        for item in session.items:
            if self._is_measured(item):
                self._measure(item)
        self._modules = {
            str(module.__file__): module
            for name, module in sys.modules.items()
            if name.startswith("gauntlet.reports")
        }
        gc.freeze()  # a collection in a fork would copy the memory that it looks at
        running: Running = {}
        for mutant in self._mutants:
            if len(running) >= self._jobs:
                self._wait(running)
            known = self._tests_of(mutant)
            running |= self._fork(mutant, known)
            self._since_control |= dict.fromkeys(known)
            if len(self._waiting) >= _CONTROL_EVERY:
                self._control(running)
        self._control(running)
        return True

    def _is_measured(self, item: pytest.Item) -> bool:
        if self._mirrors:
            mirrored = any(mirrors(item.path, each.file) for each in self._mutants)
            return mirrored or item.path in self._further
        return self._every or _GOLDEN in item.nodeid

    def _fork(self, mutant: Mutant | None, tests: Sequence[pytest.Item]) -> Running:
        """Run tests in a new process, without a mutant on the unchanged code."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            module = self._modules[str(self._root / mutant.file)] if mutant else None
            _run(mutant, module, tests, writer)
        os.close(writer)
        return {pid: (mutant, reader, len(tests))}

    def _control(self, running: Running) -> None:
        """Say the outcomes since the last control, if the unchanged code still passes their tests.

        Otherwise something else than the mutants makes tests fail, and nothing can be concluded.
        """
        while running:
            self._wait(running)
        outcomes, self._waiting = self._waiting, []
        tests = list(self._since_control)
        self._since_control.clear()
        running |= self._fork(None, tests)
        self._wait(running)
        _, outcome, by, _ = self._waiting.pop()
        if outcome != "survived":
            raise pytest.UsageError(f"the unchanged code fails {by or 'its tests'} ({outcome})")
        for mutant, outcome, by, count in outcomes:
            assert mutant is not None
            self._say(mutant, outcome, by, count)

    def _measure(self, item: pytest.Item) -> None:
        reached: set[Reached] = set()
        prefix = str(self._root / "reports")

        def note(frame: FrameType, _event: str, _argument: object) -> None:
            code = frame.f_code
            if code.co_filename.startswith(prefix):
                reached.add((code.co_filename, code.co_qualname.partition(".<locals>")[0]))

        began = time.process_time()
        sys.settrace(note)  # it returns nothing, so it is called for calls only
        try:
            reports = runtestprotocol(item, nextitem=None, log=False)
        finally:
            sys.settrace(None)
        if all(report.passed for report in reports):
            known = _Known(item, time.process_time() - began, reached)
            self._known.append(known)

    def _tests_of(self, mutant: Mutant) -> list[pytest.Item]:
        file = str(self._root / mutant.file)
        found = [
            known
            for known in self._known
            if (file, mutant.place) in known.reached
            or (not mutant.place and any(reached == file for reached, _ in known.reached))
        ]
        found.sort(key=lambda known: known.took_s)
        chosen, total_s = [], 0.0
        most_s = _MIRRORS_MAX_S if self._mirrors else _TESTS_MAX_S
        for known in found:
            total_s += known.took_s
            if total_s > most_s:
                break
            chosen.append(known.item)
        if self._mirrors and chosen:
            return chosen
        others = [item for item in self._items if mirrors(item.path, mutant.file)]
        if not others:
            folder = Path("tests") / Path(mutant.file).parent
            others = [item for item in self._items if item.path.is_relative_to(self._root / folder)]
        return chosen + [item for item in others if item not in chosen]

    def _wait(self, running: Running) -> None:
        pid, status = os.wait()
        mutant, reader, tests = running.pop(pid)
        with os.fdopen(reader, encoding="utf-8") as stream:
            by = stream.read()
        code = os.waitstatus_to_exitcode(status)
        outcomes: dict[int, Outcome] = {
            _SURVIVED: "survived",
            _KILLED: "killed",
            _NOT_APPLIED: "not applied",
        }
        self._waiting.append((mutant, outcomes.get(code, "timeout"), by, tests))


def _seed(item: pytest.Item) -> int:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("seed", 1) if callspec else 1


def mirrors(tests: Path, file: str) -> bool:
    """Return whether a file of tests mirrors a source file, or a part of it.

    The tests of `history/times/order.py` are in `history/test_times_order.py`, and those of a part
    of `checks/history_gap.py` in `checks/test_history_gap_audit.py`.
    """
    source = Path(file)
    stem, name = source.stem.strip("_"), tests.stem.removeprefix("test_")
    same_folder = tests.parent.name in source.parent.parts
    names = (stem, f"{source.parent.name}_{stem}")
    return same_folder and any(f"{name}_".startswith(f"{each}_") for each in names)


def _run(
    mutant: Mutant | None, module: ModuleType | None, tests: Sequence[pytest.Item], writer: int
) -> None:
    """Run tests until one fails, in the forked process, and end it."""
    code = _NOT_APPLIED
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        used_s = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
        if mutant is not None and module is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (used_s + _CPU_MAX_S,) * 2)
            apply(mutant, module)
        code = _SURVIVED  # until a test fails; an error before this line is no result
        for item in tests:
            # A test that has run once needs new fixtures.
            item._initrequest()  # type: ignore[attr-defined]  # noqa: SLF001  # as plug-ins do
            reports = runtestprotocol(item, nextitem=None, log=False)
            if any(report.failed for report in reports):
                os.write(writer, item.nodeid.encode())
                code = _KILLED
                break
    except BaseException as error:  # noqa: BLE001  # whatever the mutant raised
        os.write(writer, type(error).__name__.encode())
        code = code if code == _NOT_APPLIED else _KILLED
    finally:
        os._exit(code)
