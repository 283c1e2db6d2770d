"""The transport `long-poll`: one request after the other, which the server answers late."""

import asyncio
from functools import partial

from gauntlet.scenarios.adapters.base import Response
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.wire import (
    CLOSE_ABNORMAL,
    CLOSE_NORMAL,
    Listener,
    TransportError,
)

_POLL_TIMEOUT_S = 60.0  # for adapters whose requests name no time-out of their own
# A server that answers every poll immediately must not keep the engine busy.
_PAUSE_MIN_S = 0.01


class LongPoll:
    """Polls until closed; a poll without an answer ends the connection."""

    def __init__(self, client: HttpClient, dial: Dial, listener: Listener) -> None:
        self._client = client
        self._dial = dial
        self._listener = listener
        self._paused = False
        self._waiting = False
        self._ended = False

    def start(self) -> None:
        """Send the first poll."""
        self._poll()

    def _poll(self) -> None:
        self._waiting = False
        if self._ended or self._paused:
            return
        assert self._dial.next_request is not None
        self._waiting = True
        self._client.exchange(
            self._dial.url, self._dial.next_request(), _POLL_TIMEOUT_S, self._on_outcome
        )

    def _on_outcome(self, outcome: Response | TransportError) -> None:
        if self._ended:
            return
        if isinstance(outcome, TransportError):
            self._end(CLOSE_ABNORMAL, str(outcome))
            return
        self._listener.on_response(outcome)
        if not self._ended:
            asyncio.get_running_loop().call_later(_PAUSE_MIN_S, self._poll)

    def send(self, frame: bytes) -> None:
        """Drop the frame: the transport carries nothing to the server."""

    def read(self, *, on: bool) -> None:
        """Pause or resume polling."""
        self._paused = not on
        if on and not self._waiting:
            self._poll()

    def close(self) -> None:
        """Stop polling; the answer to the poll under way is ignored."""
        self._end(CLOSE_NORMAL, "")

    def abort(self) -> None:
        """Stop polling."""
        self._end(CLOSE_ABNORMAL, "")

    def _end(self, code: int, reason: str) -> None:
        if not self._ended:
            self._ended = True
            # Later, as on other transports, where the end is never reported within a call.
            loop = asyncio.get_running_loop()
            loop.call_soon(partial(self._listener.on_closed, code, reason))
