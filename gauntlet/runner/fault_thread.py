"""Runs the fault timeline in its own thread, beside the thread that watches the load."""

import threading

from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.timeline import Timeline
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.model import Scenario


class FaultThread:
    """The faults of one run, from the start of the load (`zero_ns`, monotonic) to `stop`."""

    def __init__(self, scenario: Scenario, context: Context, zero_ns: int) -> None:
        self._timeline = Timeline(scenario.faults, context, zero_ns)
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="chaos")

    def start(self) -> None:
        """Start the timeline."""
        self._thread.start()

    def stop(self) -> None:
        """End the timeline; faults that are still active are healed before this returns."""
        self._stop.set()
        self._thread.join()

    def raise_error(self) -> None:
        """Raise what broke the timeline itself; a fault that failed is in the journal instead."""
        if self._error is not None:
            raise StackError(f"the fault timeline failed: {self._error}") from self._error

    def _run(self) -> None:
        try:
            self._timeline.run(self._stop)
        except Exception as error:  # noqa: BLE001 - `raise_error` raises it in the main thread
            self._error = error
