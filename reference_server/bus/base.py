"""From services to edges: what every bus engine promises.

The bus is a hint and transient: a message may be lost when the bus or a consumer fails, never
silently reordered within one publisher and queue. SQL is the truth; edges repair from it.
"""

from collections.abc import Callable
from typing import Protocol

Consumer = Callable[[bytes], None]
StateCallback = Callable[[bool], None]

PUBLISH_TIMEOUT_S = 1.0


class BusDown(Exception):
    """The bus did not confirm the message in time; it may or may not arrive."""


class Undeliverable(Exception):
    """No such queue: its edge is gone, or lost its connection and comes back with a new one."""


class Bus(Protocol):
    """One process's end of the bus; publishing and consuming use separate connections."""

    @property
    def connected(self) -> bool:
        """Whether the consuming side is connected now."""
        ...

    def on_state(self, callback: StateCallback) -> None:
        """Call with False when the consuming side is lost and with True when it is back."""
        ...

    async def publish(self, queue: str, data: bytes) -> None:
        """Send to one edge's queue; returns when confirmed. BusDown or Undeliverable."""
        ...

    async def publish_all(self, data: bytes) -> None:
        """Send to every edge that listens now; returns when confirmed. BusDown."""
        ...

    async def consume(self, queue: str, consumer: Consumer) -> None:
        """Own `queue` and hear it and all-edges messages, over every reconnect, until `close`.

        Returns once listening for the first time; if the bus is down, at once, still trying.
        """
        ...

    async def close(self) -> None:
        """Stop consuming, drop the own queue if the bus is there, close the connections."""
        ...
