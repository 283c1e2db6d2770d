"""Ties Locust's events to an engine, in each of its three roles: local, master, worker."""

import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from gauntlet.kernel import limits
from gauntlet.kernel.errors import Exit, GauntletError, StackError
from scenarios import loadfile
from scenarios.arrivals import Stripe
from scenarios.engine import Engine
from scenarios.locust_bridge import messages, options
from scenarios.locust_bridge.boot import Conductor
from scenarios.locust_bridge.im import IM
from scenarios.locust_bridge.stats import Statistics
from scenarios.locust_bridge.thread import EngineThread

LOAD_VARIABLE = "GAUNTLET_LOAD"
_ABORT_S = 5.0
_LOOK_S = 0.1  # the engine tells every second; what it tells is shown at once

log = logging.getLogger(__name__)


class Bridge:
    """One Locust process's part in one run."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner: Any = environment.runner
        self._given: Any = environment.parsed_options
        self._conductor: Conductor | None = None
        self._load_file = os.environ.get(LOAD_VARIABLE, "")
        self._thread: EngineThread | None = None
        self._workers: messages.Workers | None = None
        self._ending: Any = None
        self._over = False
        self.statistics = Statistics(environment)
        if isinstance(self._runner, WorkerRunner):
            self._runner.register_message(messages.LOAD, self._on_load)
            self._runner.register_message(messages.DRAIN, self._on_drain, concurrent=True)
        elif isinstance(self._runner, MasterRunner):
            self._workers = messages.Workers(self._runner)

    def boot(self) -> None:
        """Plain Locust: have the server up before the first user; GauntletError where not.

        Headless that is before the run time begins to count. Behind the web UI it is when a load
        is asked for, with the users asked for, and each load is a run of its own.
        """
        if not self._load_file and not isinstance(self._runner, WorkerRunner):
            with tempfile.TemporaryDirectory() as folder:
                closed = options.are_driven(self._environment.user_classes)
                arguments = options.conduct_arguments(self._given, Path(folder), closed=closed)
                self._conductor = Conductor(arguments)
                try:
                    self._load_file = str(self._conductor.wait_for_load())
                except StackError:
                    self._environment.process_exit_code = self._conductor.stop() or Exit.HARNESS
                    raise

    def start(self) -> None:
        """The load begins: here, or at the workers."""
        if self._over and self._conductor is None:
            raise GauntletError("this run is over; start Locust again for another")
        if self._over:
            self._over, self._load_file, self._thread = False, "", None
        if not self._load_file:
            self._given.num_users = self._runner.target_user_count
            self.boot()
        self.statistics.begin(self._load_file)
        if self._workers is not None:
            self._workers.announce(self._load_file)
        elif not isinstance(self._runner, WorkerRunner):
            self._begin(self._load_file, 0, 1)
        self._end_with_the_load()

    def add_user(self) -> bool:
        """Connect one more user. False where this worker came too late to have a part."""
        if self._thread is None:
            return False
        self._thread.add_user()
        return True

    def im(self) -> IM | None:
        """A user whom tasks drive. None where this worker came too late to have a part."""
        return None if self._thread is None else IM(self._thread)

    def finish(self) -> None:
        """The load ends in order; then comes the verdict."""
        if self._ending is not None and self._ending is not gevent.getcurrent():
            self._ending.kill(block=False)  # stopped by hand: it must not stop the next load
        if self._over or isinstance(self._runner, WorkerRunner):
            return
        code = Exit.OK
        if self._workers is not None:
            whole = self._workers.drain()
            code = Exit.OK if whole and not self._workers.failed else Exit.HARNESS
        elif self._thread is not None:
            self._thread.drain()
            self._merge()
            code = self._thread.exit_code
        self.statistics.finish()
        self._conclude(code)

    def interrupt(self) -> None:
        """Locust ends before the load did: keep what there is."""
        if self._thread is not None:
            self._thread.abort(_ABORT_S)
            self._merge()
        if not self._over and not isinstance(self._runner, WorkerRunner):
            self._over = True
            if self._conductor is not None:
                self._conductor.stop()
            self._environment.process_exit_code = Exit.INTERRUPTED

    def _conclude(self, code: Exit) -> None:
        """Set the exit code: the verdict's, where we have the run judged."""
        if self._over:
            return
        self._over = True
        if self._conductor is not None:
            verdict = self._conductor.judge()
            code = code or verdict  # type: ignore[assignment]  # any of the command's codes
        self._environment.process_exit_code = int(code)

    def _begin(self, load_file: str, worker: int, workers: int) -> None:
        load = loadfile.read(Path(load_file))
        engine = Engine(load, Stripe(worker, workers), self._given.im_arrivals)
        self._thread = EngineThread(engine)
        self._thread.start()
        gevent.spawn(self._merge_each_second, self._thread)

    def _end_with_the_load(self) -> None:
        """Where Locust was given no run time, the scenario's own duration is the end."""
        if not self._given.run_time and not isinstance(self._runner, WorkerRunner):
            duration_s = loadfile.read(Path(self._load_file)).scenario.load.duration_s
            end = self._runner.quit if self._given.headless else self._runner.stop
            self._ending = gevent.spawn_later(duration_s, end)

    def _merge_each_second(self, thread: EngineThread) -> None:
        while not thread.ended:
            gevent.sleep(_LOOK_S)
            self._merge()
        if thread.exit_code and not self._over:
            self._runner.quit()

    def _merge(self) -> None:
        while self._thread is not None and self._thread.engine.seconds:
            self.statistics.take(self._thread.engine.seconds.popleft())

    def _on_load(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._begin(msg.data["load"], msg.data["worker"], msg.data["workers"])

    def _on_drain(self, environment: Environment, msg: Any, **_: Any) -> None:
        code = Exit.HARNESS
        if self._thread is not None:
            self._thread.drain()
            self._merge()
            code = self._thread.exit_code
        self._runner.send_message(messages.DRAINED, {"exit_code": int(code)})


_bridges: dict[int, Bridge] = {}  # by environment: Locust has one, tests have several


def of(environment: Environment) -> Bridge:
    """The bridge of an environment."""
    return _bridges[id(environment)]


def install(events: Any) -> None:
    """Listen to Locust's events (`locust.events`, whose methods have no types)."""
    events.init_command_line_parser.add_listener(options.add)
    events.init.add_listener(_on_init)
    events.test_start.add_listener(_on_test_start)
    events.test_stopping.add_listener(lambda environment, **_: of(environment).finish())
    events.quitting.add_listener(lambda environment, **_: of(environment).interrupt())


def _on_init(environment: Environment, **_: Any) -> None:
    limits.raise_descriptors()  # Locust itself asks for ten thousand at most
    logging.getLogger("picows").setLevel(logging.WARNING)  # it tells of every connection
    bridge = _bridges[id(environment)] = Bridge(environment)
    try:
        if environment.parsed_options is not None and environment.parsed_options.headless:
            bridge.boot()
    except GauntletError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        sys.exit(environment.process_exit_code or int(error.exit_code))
    # Locust's run time counts from here, and gevent's clock stood still during the imports.
    gevent.get_hub().loop.update_now()


def _on_test_start(environment: Environment, **_: Any) -> None:
    try:
        of(environment).start()
    except GauntletError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        environment.process_exit_code = int(error.exit_code)
        given = environment.parsed_options
        if environment.runner is not None and given is not None and given.headless:
            environment.runner.quit()
        raise gevent.GreenletExit from error
