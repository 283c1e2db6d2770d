"""Runs a load engine in a native thread next to gevent."""

import asyncio
import gc
import logging
import sys
from functools import partial

import gevent
import uvloop
from gevent import monkey

from gauntlet.core.errors import Exit, GauntletError
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.locust_plugin.runtime.gevent_queue import GeventQueue

_POLL_S = 0.02
# Both threads share the GIL. Python's default of 5 ms would be visible in every latency.
_SWITCH_INTERVAL_S = 0.0005
# The engine keeps many objects and creates few cycles; with Python's default thresholds the garbage
# collector takes a sixth of the engine's CPU time.
_GC_THRESHOLDS = (20_000, 20, 50)

log = logging.getLogger(__name__)


class EngineThread:
    """One engine and the thread that runs it.

    Start it when the load starts and never at import, because `--processes` forks after importing.
    `exit_code` and `failure` (one sentence) describe what stopped the engine early.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ended = False
        self.exit_code = Exit.OK
        self.failure = ""
        self.queue = GeventQueue()

    def prepare(self) -> None:
        """Create what the users need in a native thread, and wait for it; GauntletError."""
        gevent.get_hub().threadpool.apply(self._prepare)

    def _prepare(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.engine.prepare())

    def start(self) -> None:
        """Run the engine in a native thread.

        The thread is started with the unpatched function: a patched thread would be a greenlet, on
        which asyncio cannot run.
        """
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        if gc.get_freeze_count():
            # Frozen by the previous load, whose objects would otherwise never be freed.
            gc.unfreeze()
            gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        monkey.get_original("_thread", "start_new_thread")(self._run, ())

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self.engine.run())
        except GauntletError as error:
            self.exit_code, self.failure = error.exit_code, str(error)
            log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        except BaseException as error:
            self.exit_code, self.failure = Exit.HARNESS, repr(error)
            log.exception("The load engine stopped because of an unexpected error.")
        finally:
            self.ended = True
            self.queue.post(self.queue.close)

    def add_user(self) -> None:
        """Connect one more user of the plan."""
        self.engine.command(self.engine.add_user)

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task of a user has raised."""
        self.engine.command(partial(self.engine.count_task_error, text))

    def drain(self) -> None:
        """End the load in order, so that nothing that was sent is lost, and wait for the end."""
        self.queue.begin_closing()
        self.engine.command(self.engine.drain)
        self.wait(None)

    def abort(self, within_s: float) -> None:
        """End the load immediately, keep what was recorded, and wait at most `within_s`."""
        if not self.ended:
            self.exit_code = Exit.INTERRUPTED
            self.queue.begin_closing()
            self.engine.command(self.engine.abort)
            self.wait(within_s)

    def wait(self, within_s: float | None) -> None:
        """Wait until the engine has ended (None: without a limit) while other greenlets run."""
        with gevent.Timeout(within_s, False):
            while not self.ended:
                gevent.sleep(_POLL_S)
