"""Switches a fault off and on again while it lasts, in a thread of its own."""

import threading
from collections.abc import Callable
from typing import Final

from gauntlet.chaos.faults.base import param
from gauntlet.core.errors import GauntletError
from gauntlet.core.plugins import Param
from gauntlet.core.scenario.model import Fault as Spec

FLAPPING: Final = {
    "on": Param("duration", None, "with `off`: acts for this long, again and again", positive=True),
    "off": Param("duration", None, "the pause after each `on`", positive=True),
}
TOGETHER: Final = (("on", "off"),)


class Flapping:
    """The pauses of one fault, which begin when `start` is called and end with `stop`.

    The fault acts when `start` is called. `error` is why the switching ended early, else empty.
    """

    def __init__(self, spec: Spec) -> None:
        on_s, off_s = param(spec, "on"), param(spec, "off")
        self._periods_s = None if on_s is None or off_s is None else (float(on_s), float(off_s))
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.pauses = 0
        self.error = ""

    def start(
        self, name: str, switch_on: Callable[[], object], switch_off: Callable[[], object]
    ) -> None:
        """Begin to switch, unless the fault does not flap or has been stopped already."""
        if self._periods_s is None or self._stopped.is_set():
            return
        arguments = (*self._periods_s, switch_on, switch_off)
        self._thread = threading.Thread(target=self._run, args=arguments, name=f"flapping-{name}")
        self._thread.start()

    def stop(self) -> None:
        """End the switching; nothing is switched after this returns."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(
        self,
        on_s: float,
        off_s: float,
        switch_on: Callable[[], object],
        switch_off: Callable[[], object],
    ) -> None:
        try:
            while not self._stopped.wait(on_s):
                switch_off()
                self.pauses += 1
                if self._stopped.wait(off_s):
                    return
                switch_on()
        except GauntletError as error:
            self.error = str(error)
