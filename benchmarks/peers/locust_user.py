"""What the Locust peers have in common: closed-loop users, as Locust's guides write them."""

import random
import time
from typing import Any

import gevent
from locust import User, constant_pacing, events, task

from benchmarks.peers import PAYLOAD_BYTES

PAYLOAD = "x" * PAYLOAD_BYTES


def _add(parser: Any) -> None:
    parser.add_argument("--pace", type=float, default=0.0, help="seconds from send to send")


_events: Any = events  # whose methods have no types
_events.init_command_line_parser.add_listener(_add)


class PacedUser(User):
    """Connects, and has a task begin every `--pace` seconds."""

    abstract = True

    def on_start(self) -> None:
        """Connect, and wait a part of the pace: not all at once."""
        self.connect()
        gevent.sleep(random.random() * self.environment.parsed_options.pace)

    def connect(self) -> None:
        """Open the user's connection."""
        raise NotImplementedError

    def wait_time(self) -> float:
        """As Locust's `constant_pacing` has it."""
        pace: float = constant_pacing(self.environment.parsed_options.pace)(self)
        return pace


class EchoUser(PacedUser):
    """Sends, waits for the echo, and has the round trip counted."""

    abstract = True

    def exchange(self, payload: str) -> str:
        """One round trip."""
        raise NotImplementedError

    @task
    def echo(self) -> None:
        """Send one message."""
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
