"""Makes sure that Ctrl-C ends Locust."""

import signal
from types import FrameType

import gevent

_RERAISE_S = 1.0


class KeyboardInterrupts:
    """Raises a KeyboardInterrupt again, in the main greenlet, if it got lost.

    Python raises it wherever the main thread happens to be, and discards it in a destructor or in
    the callback of a weak reference: Locust, whose greenlets keep this thread busy, would go on.
    """

    def __init__(self) -> None:
        self._received = False

    def install(self) -> None:
        """Handle SIGINT from now on, unless another handler is installed. Needs the main thread."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)

    def acknowledge(self) -> None:
        """Locust is ending: there is nothing to raise again."""
        self._received = True

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        gevent.spawn_later(_RERAISE_S, self._raise_again)
        raise KeyboardInterrupt

    def _raise_again(self) -> None:
        if not self._received:
            gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
