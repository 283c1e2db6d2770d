"""The interface of the bus, which carries entries from the services to the edges.

The bus is transient and only a hint: messages may be lost when the bus or a consumer fails, but are
never reordered between one publisher and one queue. SQL is the truth, and edges repair from it.
"""

from collections.abc import Callable
from typing import Protocol

MessageHandler = Callable[[bytes], None]
StateCallback = Callable[[bool], None]

PUBLISH_TIMEOUT_S = 1.0


class BusDown(Exception):
    """The bus did not confirm the message in time; it may or may not arrive."""


class Undeliverable(Exception):
    """There is no such queue: its edge has ended, or reconnects and declares it again."""


class Bus(Protocol):
    """One process's end of the bus; publishing and consuming use separate connections."""

    @property
    def connected(self) -> bool:
        """Whether the consuming side is connected now."""
        ...

    def on_state(self, callback: StateCallback) -> None:
        """Call `callback` with False when the consuming side is lost and True when it is back."""
        ...

    async def publish(self, queue: str, data: bytes) -> None:
        """Send to one edge's queue; returns when confirmed. BusDown or Undeliverable."""
        ...

    async def publish_all(self, data: bytes) -> None:
        """Send to every edge that consumes now; returns when confirmed. BusDown."""
        ...

    async def consume(self, queue: str, handler: MessageHandler) -> None:
        """Own `queue`; handle its messages and those for all edges until `close`.

        Consumption resumes after every reconnect. Returns once it has started; if the bus is down,
        returns after the first attempt and keeps trying.
        """
        ...

    async def close(self) -> None:
        """Stop consuming, delete the own queue if the bus is up, and close the connections."""
        ...
