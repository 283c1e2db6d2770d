"""Runs an engine in a native thread beside gevent."""

import asyncio
import gc
import logging
import sys

import gevent
import uvloop
from gevent import monkey

from gauntlet.core.errors import Exit, GauntletError
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.locust_plugin.runtime.gevent_queue import Crossing

_POLL_S = 0.02
_SWITCH_INTERVAL_S = 0.0005  # of the shared GIL: Python's 5 ms would show in every latency
# The engine keeps much and makes few cycles: Python's own thresholds cost a sixth of its CPU.
_GC_THRESHOLDS = (20_000, 20, 50)

log = logging.getLogger(__name__)


class EngineThread:
    """Start it when the load starts, never at import: `--processes` forks after importing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ended = False
        self.exit_code = Exit.OK
        self.crossing = Crossing()
        self.failure = ""  # what broke it, in a sentence

    def start(self) -> None:
        """Run the engine. A patched thread would be a greenlet, on which asyncio cannot run."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        if gc.get_freeze_count():  # by the load before, which would be kept for good
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
            log.exception("the load engine broke")
        finally:
            self.ended = True
            self.crossing.post(self.crossing.end)

    def add_user(self) -> None:
        """Connect one more user."""
        self.engine.commands.append(self.engine.add_user)

    def drain(self) -> None:
        """End in order, and wait for it: nothing that was sent is lost."""
        self.crossing.wind_down()
        self.engine.commands.append(self.engine.drain)
        self.wait(None)

    def abort(self, within_s: float) -> None:
        """End at once, keeping what is there."""
        if not self.ended:
            self.exit_code = Exit.INTERRUPTED
            self.crossing.wind_down()
            self.engine.commands.append(self.engine.abort)
            self.wait(within_s)

    def wait(self, within_s: float | None) -> None:
        """Wait for the end, letting other greenlets run."""
        with gevent.Timeout(within_s, False):
            while not self.ended:
                gevent.sleep(_POLL_S)
