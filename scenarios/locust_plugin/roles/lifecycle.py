"""The course of a run in the process that decides about it: the local one or the master.

With plain Locust the run includes the server: `gauntlet conduct` boots it and judges the run in the
end. Under `gauntlet run`, `GAUNTLET_LOAD` names the load, and another process does both.
"""

import logging
import os
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_SPAWNING

from gauntlet.core import clock, log_scrubber
from gauntlet.core.errors import Exit, GauntletError, StackError, first_exit
from gauntlet.core.run_directory import Tail
from gauntlet.core.scenario.model import Scenario
from gauntlet.scenarios import library
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.locust_plugin import options, scenario_defaults
from gauntlet.scenarios.locust_plugin.im_client import IM
from gauntlet.scenarios.locust_plugin.run_process import RunProcess
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics
from gauntlet.scenarios.locust_plugin.web import im_tab

_SECOND_S = 1.0
_GUARD_POLL_S = 0.2

log = logging.getLogger(__name__)


class RunLifecycle(ABC):
    """Boots, begins, ends and judges the runs of one Locust process, one after the other.

    Subclasses define how a load is begun and drained.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner: Any = environment.runner
        self._options: Any = environment.parsed_options
        self._load_file = os.environ.get(options.LOAD_VARIABLE, "")
        self._private = load_file.take_private()
        self._run_process: RunProcess | None = None
        self._requested_s = 0.0  # when the load was requested: Locust's run time counts from here
        self._applies_run_time = False  # instead of Locust: the load was started with the form
        self._start_finished = Event()  # set unless a load is being started
        self._start_finished.set()
        self._zero_ns = 0  # when the load began
        self._timer: Any = None  # the greenlet that ends the load after the scenario's duration
        self._finishing: Any = None  # the greenlet that ends the load in order
        self._finished = False
        self._stopped_by_guard = False
        self._exit_codes: set[Exit] = set()  # of everything that went wrong
        self._statistics = Statistics(environment)

    @abstractmethod
    def _begin(self, file: Path) -> int:
        """Begin the load of a load file; return the zero of its timeline on this clock."""

    @abstractmethod
    def _has_ended(self) -> bool:
        """Whether nothing is left that could carry on the load."""

    @abstractmethod
    def _drain(self, *, ended_early: bool) -> set[Exit]:
        """End the load in order; return the exit codes of what went wrong."""

    @abstractmethod
    def _abort(self) -> None:
        """End the load immediately."""

    @abstractmethod
    def _worker_count(self) -> int:
        """How many processes carry the load."""

    def _reset(self) -> None:
        """Forget the run before, so that another one can start."""
        self._finished, self._load_file, self._finishing = False, "", None
        self._stopped_by_guard = False
        self._exit_codes.clear()

    def prepare(self) -> None:
        """Add the IM tab. Headless, also boot the server, before Locust's run time begins.

        ConfigError if the options contradict the scenario.
        """
        if self._options is not None and not self._load_file:
            scenario_defaults.apply(self._environment, self._options, self._scenario())
        im_tab.install(self._environment, self._statistics, self._worker_count)
        if self._options is not None and self._options.headless:
            self._boot()

    def start(self) -> None:
        """Begin a load. An error is logged and sets the exit code; then no users are spawned."""
        try:
            self._start()
        except GauntletError as error:
            log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
            self._environment.process_exit_code = int(error.exit_code)
            if self._options is not None and self._options.headless:
                self._quit_with(error.exit_code)  # a web UI stays: its next load may begin
            raise gevent.GreenletExit from error

    def add_user(self) -> bool:
        """Connect one more user; a process without an engine has no users."""
        return False

    def add_scripted_user(self) -> IM | None:
        """Connect one more user whose tasks send; a process without an engine has no users."""
        return None

    def count_task_error(self, text: str) -> None:  # noqa: B027 - a master has no tasks to count
        """Count an exception of a task; a process without an engine has no users."""

    def finish(self) -> None:
        """End the load in order and wait for the verdict; concurrent calls share one end."""
        if self._timer is not None and self._timer is not gevent.getcurrent():
            self._timer.kill(block=False)  # stopped by hand: it must not stop the next load
        if self._finished:
            return
        if self._finishing is None:
            # In its own greenlet, because Locust kills the one that ends a load if Stop is pressed
            # meanwhile.
            self._finishing = gevent.spawn(self._finish)
        self._finishing.get()

    def interrupt(self) -> None:
        """Keep what was recorded of a load that has not ended in order."""
        self._abort()
        if not self._finished:
            self._finished = True
            if self._run_process is not None:
                self._run_process.stop()
            codes = self._exit_codes or {Exit.INTERRUPTED}
            self._environment.process_exit_code = int(first_exit(codes))

    def export(self) -> None:
        """Write the exact tables next to Locust's own."""
        self._statistics.export()

    # The start.

    def _start(self) -> None:
        if self._finished:
            if options.LOAD_VARIABLE in os.environ:
                raise GauntletError("this run is over; start Locust again for another")
            self._reset()
        self._requested_s, self._zero_ns = time.monotonic(), 0
        self._start_finished.clear()
        try:
            self._boot_and_begin()
        finally:
            self._start_finished.set()

    def _boot_and_begin(self) -> None:
        if not self._load_file:
            self._options.num_users = self._runner.target_user_count
            self._take_over_run_time()
            self._boot_while_spawning()
            if self._finished:  # stopped and judged during the boot: nothing would end this load
                raise gevent.GreenletExit
        file = Path(self._load_file)
        if self._private is not None:
            log_scrubber.install(self._private.values)
        self._statistics.begin(file, self._private)
        self._zero_ns = self._begin(file)
        self._schedule_end()
        gevent.spawn(self._follow_guards, Tail(file.parent / "events" / "run.jsonl"))

    def _boot(self) -> None:
        """Boot the server of a plain Locust; raises GauntletError if that fails.

        Behind the web UI each load is a run of its own, booted with the users that were requested.
        """
        if self._load_file:
            return
        with tempfile.TemporaryDirectory() as folder:
            closed = options.all_scripted(self._environment.user_classes)
            arguments = options.run_arguments(self._options, Path(folder), closed=closed)
            command = options.repeat_command(self._options, sys.argv[1:])
            self._run_process = RunProcess([*arguments, "--asked", *command])
            try:
                self._load_file = str(self._run_process.wait_for_load())
                self._private = self._run_process.private
            except StackError:
                code = self._run_process.stop()
                self._environment.process_exit_code = code or Exit.HARNESS
                raise

    def _boot_while_spawning(self) -> None:
        """Boot in the state `spawning`: in the state `ready` the web page offers another load."""
        state_before = self._runner.state
        self._runner.update_state(STATE_SPAWNING)
        try:
            self._boot()
        except GauntletError:
            self._runner.update_state(state_before)
            raise

    def _take_over_run_time(self) -> None:
        """Apply the run time of the web page's form here, from the moment the load begins.

        Locust's own timer counts from the press of Start, so that a short run time could be over
        before the server has booted. Locust also keeps the run time of the previous load when the
        field is empty: forget it then.
        """
        web_ui: Any = self._environment.web_ui
        # Locust sets it for each load that the form starts, so not for that of --autostart.
        self._applies_run_time = getattr(web_ui, "_swarm_greenlet", None) is not None
        if self._applies_run_time:
            timer: Any = getattr(web_ui, "_run_time_greenlet", None)
            if timer is None:
                self._options.run_time = None
            else:
                timer.kill(block=False)

    def _schedule_end(self) -> None:
        """End the load after its duration, unless Locust does so by its run time or a shape."""
        locust_applies_run_time = self._options.run_time and not self._applies_run_time
        if not locust_applies_run_time and self._environment.shape_class is None:
            self._timer = gevent.spawn_later(self._duration_s(), self._end_load)

    def _end_load(self) -> None:
        end = self._runner.quit if self._options.headless else self._runner.stop
        end()

    def _follow_guards(self, journal: Tail) -> None:
        """End the load when the process that watches the run journals that a guard stopped it."""
        while not self._finished and self._finishing is None:
            if any(row["kind"] == "guard" for row in journal.read_new()):
                log.warning("A guard of the scenario stops the load.")
                self._stopped_by_guard = True
                self._end_load()
                return
            gevent.sleep(_GUARD_POLL_S)

    # The end.

    def _finish(self) -> None:
        if not self._stopped_by_guard and self._run_time_is_over():
            self._start_finished.wait()  # Stop was not pressed, so the load still has to run
        ended_early = self._has_ended()
        if self._zero_ns and not ended_early and not self._stopped_by_guard:
            self._wait_for_planned_end()
        self._exit_codes |= self._drain(ended_early=ended_early)
        self._conclude()

    def _run_time_is_over(self) -> bool:
        """Whether Locust has reached its run time, so that a load may end even before it began."""
        if self._options is None or self._applies_run_time or not self._options.run_time:
            return False
        return time.monotonic() - self._requested_s >= float(self._options.run_time)

    def _wait_for_planned_end(self) -> None:
        """Extend the load by what the boot took: Locust's run time began before the load did."""
        zero_s = self._zero_ns / clock.NS_PER_S
        left_s = zero_s + self._duration_s() - time.monotonic()
        if 0 < left_s <= zero_s - self._requested_s + _SECOND_S:
            gevent.sleep(left_s)

    def _conclude(self) -> None:
        """Set the exit code; where this process started the run, that is the verdict's."""
        if self._finished:
            return
        self._finished = True
        if self._run_process is not None:
            self._exit_codes.add(Exit(self._run_process.judge()))
        self._environment.process_exit_code = int(first_exit(self._exit_codes))

    def _quit_with(self, code: Exit) -> None:
        """End Locust with an exit code, because this process cannot do anything for the run."""
        self._exit_codes.add(code)
        self._runner.quit()

    def _scenario(self) -> Scenario:
        if self._load_file:
            return load_file.read_scenario(Path(self._load_file))
        return library.find(str(self._options.scenario))

    def _duration_s(self) -> float:
        return load_file.read_scenario(Path(self._load_file)).load.duration_s
