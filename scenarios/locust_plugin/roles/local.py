"""The role of a Locust without workers: it carries the whole load itself."""

from pathlib import Path

from locust.env import Environment

from gauntlet.core import clock
from gauntlet.core.errors import Exit
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.engine import Engine, SecondStats
from gauntlet.scenarios.locust_plugin.im_client import IM
from gauntlet.scenarios.locust_plugin.roles.engine_host import EngineHost
from gauntlet.scenarios.locust_plugin.roles.lifecycle import RunLifecycle
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread
from gauntlet.scenarios.locust_plugin.runtime.statistics import SecondReport
from gauntlet.scenarios.schedule.arrivals import Stripe


class LocalRole(RunLifecycle):
    """Runs the engine in this process and shows its seconds here."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._engine_host = EngineHost(self._on_second, self._on_failure)

    def add_user(self) -> bool:
        """Connect one more user; return False if there is no load."""
        return self._engine_host.add_user()

    def add_scripted_user(self) -> IM | None:
        """Connect one more user whose tasks send; return None if there is no load."""
        return self._engine_host.add_scripted_user()

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task has raised."""
        self._engine_host.count_task_error(text)

    def _begin(self, file: Path) -> int:
        load = load_file.read(file, self._private)
        engine = Engine(load, Stripe())
        self._engine_host.prepare(engine)
        zero_ns = clock.now_ns()
        self._engine_host.run(engine)
        return zero_ns

    def _has_ended(self) -> bool:
        thread = self._engine_host.thread
        return thread is not None and thread.ended

    def _drain(self, *, ended_early: bool) -> set[Exit]:
        thread = self._engine_host.thread
        if thread is None:
            return set()
        thread.drain()
        self._engine_host.report_seconds()
        return {thread.exit_code}

    def _abort(self) -> None:
        self._engine_host.abort()

    def _worker_count(self) -> int:
        return 1

    def _reset(self) -> None:
        super()._reset()
        self._engine_host.thread = None

    def _on_second(self, second: SecondStats) -> None:
        self._statistics.add(SecondReport.of(second))

    def _on_failure(self, thread: EngineThread) -> None:
        if not self._finished:
            self._quit_with(thread.exit_code)
