"""Base classes of the Locust peers: closed-loop users, written as in Locust's guides."""

import random
import time
from typing import Any

import gevent
from locust import User, events, task

from benchmarks.peers import PAYLOAD_BYTES
from benchmarks.peers.pacing import Pacing

PAYLOAD = "x" * PAYLOAD_BYTES


def _add_options(parser: Any) -> None:
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between two sends")


_events: Any = events  # its methods have no type annotations
_events.init_command_line_parser.add_listener(_add_options)


class PacedUser(User):
    """A user who connects, and starts a task every `--pace` seconds."""

    abstract = True

    def on_start(self) -> None:
        """Connect, and wait for a random part of the pace, which spreads the users over it."""
        self.connect()
        pace_s: float = self.environment.parsed_options.pace
        offset_s = random.random() * pace_s
        self._pacing = Pacing(pace_s, time.perf_counter() + offset_s)
        gevent.sleep(offset_s)

    def connect(self) -> None:
        """Open the user's connection."""
        raise NotImplementedError

    def wait_time(self) -> float:
        """Return the time until the next task."""
        return self._pacing.pause_s(time.perf_counter())


class EchoUser(PacedUser):
    """A user who sends, waits for the echo, and reports the round trip to Locust."""

    abstract = True

    def exchange(self, payload: str) -> str:
        """Send a text and return its echo."""
        raise NotImplementedError

    @task
    def echo(self) -> None:
        """Make one round trip."""
        began_s = time.perf_counter()
        echoed = self.exchange(PAYLOAD)
        self.environment.events.request.fire(
            request_type="WS",
            name="echo",
            response_time=1000 * (time.perf_counter() - began_s),
            response_length=len(echoed),
            exception=None,
            context={},
        )
