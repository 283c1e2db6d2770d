"""Hosts the load engine of a Locust process that carries a load itself: local or worker."""

from collections.abc import Callable

import gevent

from gauntlet.scenarios.engine.engine import Engine, SecondStats
from gauntlet.scenarios.locust_plugin.im_client import IM
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread

_ABORT_S = 5.0
_POLL_S = 0.1  # an engine reports once per second; poll more often, so that reports show promptly


class EngineHost:
    """Runs one engine at a time in a thread and passes on what it reports.

    `on_second` is called with each second that the engine has completed. `on_failure` is called
    with the thread when its engine has ended with an exit code other than 0.
    """

    def __init__(
        self,
        on_second: Callable[[SecondStats], None],
        on_failure: Callable[[EngineThread], None],
    ) -> None:
        self._on_second = on_second
        self._on_failure = on_failure
        self.thread: EngineThread | None = None

    def prepare(self, engine: Engine) -> None:
        """Create what the users of an engine need; GauntletError if that fails."""
        EngineThread(engine).prepare()

    def run(self, engine: Engine) -> EngineThread:
        """Start an engine in a new thread, which replaces the thread of an earlier load."""
        thread = self.thread = EngineThread(engine)
        thread.start()
        gevent.spawn(self._watch, thread)
        return thread

    def add_user(self) -> bool:
        """Connect one more user; return False if no engine has been started."""
        if self.thread is None:
            return False
        self.thread.add_user()
        return True

    def add_scripted_user(self) -> IM | None:
        """Connect one more user whose tasks send; return None if no engine has been started."""
        return None if self.thread is None else IM(self.thread)

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task of a user has raised, if there is an engine."""
        if self.thread is not None:
            self.thread.count_task_error(text)

    def abort(self) -> None:
        """End the engine immediately, if it still runs, and pass on its last seconds."""
        if self.thread is not None:
            self.thread.abort(_ABORT_S)
            self.report_seconds()

    def report_seconds(self) -> None:
        """Pass on the seconds that the engine has completed since the last call."""
        while self.thread is not None and self.thread.engine.seconds:
            self._on_second(self.thread.engine.seconds.popleft())

    def _watch(self, thread: EngineThread) -> None:
        while not thread.ended:
            gevent.sleep(_POLL_S)
            self.report_seconds()
        if thread.exit_code and thread is self.thread:
            self._on_failure(thread)
