"""Ties Locust's events to an engine, in each of its three roles: local, master, worker."""

import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import STATE_SPAWNING, MasterRunner, WorkerRunner

from gauntlet.core import clock, os_limits
from gauntlet.core.errors import Exit, GauntletError, StackError, first_exit
from gauntlet.scenarios import library
from gauntlet.scenarios.distributed import worker_identity
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.locust_plugin import options
from gauntlet.scenarios.locust_plugin.im_client import IM
from gauntlet.scenarios.locust_plugin.roles.master import Fleet
from gauntlet.scenarios.locust_plugin.roles.worker import Part
from gauntlet.scenarios.locust_plugin.run_process import Conductor
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics
from gauntlet.scenarios.locust_plugin.web import im_tab
from gauntlet.scenarios.schedule.arrivals import Stripe

LOAD_VARIABLE = "GAUNTLET_LOAD"
_ABORT_S = 5.0
_SECOND_S = 1.0
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
        self._part: Part | None = None
        self._fleet: Fleet | None = None
        self._asked_s = 0.0  # when Locust's run time begins to count
        self._zero_ns = 0
        self._ending: Any = None  # the greenlet that ends the load when its time is over
        self._finishing: Any = None
        self._over = False
        self._codes: set[Exit] = set()  # of what went wrong
        self.statistics = Statistics(environment)
        self._take_a_role()

    def _take_a_role(self) -> None:
        if isinstance(self._runner, WorkerRunner):
            self._part = Part(
                self._runner,
                self._identity(),
                str(self._given.im_folder),
                start=self._run,
                report=self._merge,
                quit_with=self._quit_with,
            )
        elif isinstance(self._runner, MasterRunner):
            ours = self._identity()
            self._fleet = Fleet(self._environment, self._runner, ours, self._quit_with)
            self.statistics.on_row = self._fleet.keep_row
            self.statistics.ahead_ns = self._fleet.ahead_ns

    def _identity(self) -> worker_identity.Identity:
        """Ours, with the scenario that we were given: a worker need not be given any."""
        given = self._given
        if self._load_file:
            return worker_identity.of_this_process(load_file.read(Path(self._load_file)).scenario)
        if self._fleet is None and given.scenario == options.DEFAULT_SCENARIO and given.worker:
            return worker_identity.of_this_process()
        return worker_identity.of_this_process(library.find(str(given.scenario)))

    def boot(self) -> None:
        """Plain Locust: have the server up before the first user; GauntletError where not.

        Headless that is before the run time begins to count. Behind the web UI it is when a load
        is asked for, with the users asked for, and each load is a run of its own.
        """
        if not self._load_file and not isinstance(self._runner, WorkerRunner):
            with tempfile.TemporaryDirectory() as folder:
                closed = options.are_driven(self._environment.user_classes)
                arguments = options.conduct_arguments(self._given, Path(folder), closed=closed)
                again = options.asked(self._given, sys.argv[1:])
                self._conductor = Conductor([*arguments, "--asked", *again])
                try:
                    self._load_file = str(self._conductor.wait_for_load())
                except StackError:
                    self._environment.process_exit_code = self._conductor.stop() or Exit.HARNESS
                    raise

    def start(self) -> None:
        """The load begins: here, or at the workers."""
        if isinstance(self._runner, WorkerRunner):
            return
        if self._over and LOAD_VARIABLE in os.environ:
            raise GauntletError("this run is over; start Locust again for another")
        if self._over:
            self._over, self._load_file, self._thread = False, "", None
            self._finishing = None
            self._codes.clear()
        self._asked_s, self._zero_ns = time.monotonic(), 0
        if not self._load_file:
            self._given.num_users = self._runner.target_user_count
            self._forget_an_emptied_run_time()
            self._boot_in_view()
            if self._over:  # stopped meanwhile, and judged: nobody would end a load begun now
                raise gevent.GreenletExit
        self.statistics.begin(self._load_file)
        if self._fleet is not None:
            self._fleet.begin(Path(self._load_file), self._given.expect_workers)
            self._zero_ns = self._fleet.zero_ns
        else:
            load = load_file.read(Path(self._load_file))
            self._zero_ns = clock.now_ns()
            self._run(Engine(load, Stripe()))
        self._end_with_the_load()

    def add_user(self) -> bool:
        """Connect one more user, if there is a load."""
        if self._thread is None:
            return False
        self._thread.add_user()
        return True

    def im(self) -> IM | None:
        """A user whom tasks drive. None where this worker came too late to have a part."""
        return None if self._thread is None else IM(self._thread)

    def finish(self) -> None:
        """The load ends in order; then comes the verdict. Whoever asks again waits for the same."""
        if self._ending is not None and self._ending is not gevent.getcurrent():
            self._ending.kill(block=False)  # stopped by hand: it must not stop the next load
        if self._over or isinstance(self._runner, WorkerRunner):
            return
        if self._finishing is None:
            # Its own greenlet: Locust kills the one that ends a load when Stop is pressed as well.
            self._finishing = gevent.spawn(self._finish)
        self._finishing.get()

    def _finish(self) -> None:
        codes = self._codes
        nobody_left = self._fleet.all_lost if self._fleet is not None else self._has_ended()
        if self._zero_ns and not nobody_left:
            self._let_the_load_end()
        if self._fleet is not None:
            codes |= self._fleet.drain()
            if nobody_left and self._given.headless:
                gevent.spawn_later(_SECOND_S, self._runner.quit)
        elif self._thread is not None:
            self._thread.drain()
            self._merge()
            codes |= {self._thread.exit_code}
        self.statistics.finish()
        self._conclude(codes)

    def interrupt(self) -> None:
        """Locust ends before the load did: keep what there is."""
        if self._thread is not None:
            self._thread.abort(_ABORT_S)
            self._merge()
        if not self._over and not isinstance(self._runner, WorkerRunner):
            self._over = True
            if self._conductor is not None:
                self._conductor.stop()
            self._environment.process_exit_code = int(first_exit(self._codes or {Exit.INTERRUPTED}))

    def _forget_an_emptied_run_time(self) -> None:
        """Locust keeps the run time before where the form's field is empty, and sets no timer."""
        page: Any = self._environment.web_ui
        if page is not None and getattr(page, "_run_time_greenlet", self) is None:
            self._given.run_time = None

    def _boot_in_view(self) -> None:
        """Boot as a part of the ramp: while all is `ready` the web page offers another load."""
        before = self._runner.state
        self._runner.update_state(STATE_SPAWNING)
        try:
            self.boot()
        except GauntletError:
            self._runner.update_state(before)
            raise

    def _conclude(self, codes: set[Exit]) -> None:
        """Set the exit code: the verdict's, where we have the run judged."""
        if self._over:
            return
        self._over = True
        if self._conductor is not None:
            codes.add(Exit(self._conductor.judge()))
        self._environment.process_exit_code = int(first_exit(codes))

    def fail(self, code: Exit) -> None:
        """The load cannot begin. A web UI stays: the next one may."""
        self._environment.process_exit_code = int(code)
        if self._given is not None and self._given.headless:
            self._quit_with(code)

    def _quit_with(self, code: Exit) -> None:
        """End Locust with this code: there is nothing that this process could do in the run."""
        self._codes.add(code)
        if isinstance(self._runner, WorkerRunner):
            self._environment.process_exit_code = int(code)
        self._runner.quit()

    def _run(self, engine: Engine) -> EngineThread:
        self._thread = EngineThread(engine)
        self._thread.start()
        gevent.spawn(self._merge_each_second, self._thread)
        return self._thread

    def _duration_s(self) -> float:
        return load_file.read(Path(self._load_file)).scenario.load.duration_s

    def _end_with_the_load(self) -> None:
        """Where Locust was given no run time and no shape, the scenario's duration is the end."""
        if not self._given.run_time and self._environment.shape_class is None:
            end = self._runner.quit if self._given.headless else self._runner.stop
            self._ending = gevent.spawn_later(self._duration_s(), end)

    def _let_the_load_end(self) -> None:
        """A load begins after Locust's run time does, by what boots first; it gets that back."""
        zero_s = self._zero_ns / clock.NS_PER_S
        left_s = zero_s + self._duration_s() - time.monotonic()
        if 0 < left_s <= zero_s - self._asked_s + _SECOND_S:
            gevent.sleep(left_s)

    def _has_ended(self) -> bool:
        return self._thread is not None and self._thread.ended

    def _merge_each_second(self, thread: EngineThread) -> None:
        while not thread.ended:
            gevent.sleep(_LOOK_S)
            self._merge()
        if thread.exit_code and thread is self._thread and not self._over:
            if self._part is not None:
                self._part.broke(thread)
            self._quit_with(thread.exit_code)

    def _merge(self) -> None:
        while self._thread is not None and self._thread.engine.seconds:
            self.statistics.take(self._thread.engine.seconds.popleft())


_bridges: dict[int, Bridge] = {}  # by environment: Locust has one, tests have several


def of(environment: Environment) -> Bridge:
    """The bridge of an environment."""
    return _bridges[id(environment)]


def add_user(environment: Environment) -> bool:
    """Connect one more user. False where this process came too late to have a part.

    Locust may spawn users in a late worker before it has told us that there is one.
    """
    known = _bridges.get(id(environment))
    return known is not None and known.add_user()


def im(environment: Environment) -> IM | None:
    """A user whom tasks drive; None where this process came too late to have a part."""
    known = _bridges.get(id(environment))
    return None if known is None else known.im()


def install(events: Any) -> None:
    """Listen to Locust's events (`locust.events`, whose methods have no types)."""
    events.init_command_line_parser.add_listener(options.add)
    events.init.add_listener(_on_init)
    events.test_start.add_listener(_on_test_start)
    events.test_stopping.add_listener(lambda environment, **_: of(environment).finish())
    events.quitting.add_listener(lambda environment, **_: of(environment).statistics.export())
    # Locust fires `quitting` in reverse: what this keeps is exported.
    events.quitting.add_listener(lambda environment, **_: of(environment).interrupt())


def _on_init(environment: Environment, **_: Any) -> None:
    os_limits.raise_descriptors()  # Locust itself asks for ten thousand at most
    logging.getLogger("picows").setLevel(logging.WARNING)  # it tells of every connection
    try:
        bridge = _bridges[id(environment)] = Bridge(environment)
        im_tab.install(environment, bridge.statistics)
        if environment.parsed_options is not None and environment.parsed_options.headless:
            bridge.boot()
    except GauntletError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        if isinstance(environment.runner, MasterRunner):
            environment.runner.quit()  # else its workers wait for a minute
        sys.exit(environment.process_exit_code or int(error.exit_code))
    # Locust's run time counts from here, and gevent's clock stood still during the imports.
    gevent.get_hub().loop.update_now()


def _on_test_start(environment: Environment, **_: Any) -> None:
    if id(environment) not in _bridges:  # a late worker, of which we have not been told yet
        return
    try:
        of(environment).start()
    except GauntletError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        of(environment).fail(error.exit_code)
        raise gevent.GreenletExit from error
