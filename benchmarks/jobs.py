"""Jobs for a generator process, and their result; each is one line of JSON."""

import msgspec


class Bare(msgspec.Struct, tag="bare"):
    """Send POST requests to the bare HTTP server."""

    api: list[str]


class Direct(msgspec.Struct, tag="direct"):
    """Connect as many users as conversations; each user writes to the next one in a ring."""

    api: list[str]
    conversations: int


class Room(msgspec.Struct, tag="room"):
    """Connect the members of one room, who write in turn."""

    api: list[str]
    members: int


class Idle(msgspec.Struct, tag="idle"):
    """Connect users who only answer heartbeats."""

    api: list[str]
    connections: int


class Closed(msgspec.Struct, tag="closed"):
    """Keep `window` sends in flight, as fast as the server answers (closed model)."""

    window: int
    seconds: float


class Open(msgspec.Struct, tag="open"):
    """Send at Poisson arrivals, regardless of the server's answers (open model)."""

    rate: float
    seconds: float


class Wait(msgspec.Struct, tag="wait"):
    """Keep the connections open and do nothing else."""

    seconds: float


Job = Bare | Direct | Room | Idle | Closed | Open | Wait


class Result(msgspec.Struct):
    """The result of a job.

    `deliveries` counts received messages, `wrong` those out of order, repeated or after a gap, and
    `lost` the expected deliveries of acknowledged messages that did not arrive. Latencies are
    measured from the time at which a message was due.
    """

    connections: int = 0
    seconds: float = 0.0
    acked: int = 0
    failed: int = 0
    deliveries: int = 0
    lost: int = 0
    wrong: int = 0
    cpu_s: float = 0.0
    response_p50_ms: float = 0.0
    response_p99_ms: float = 0.0
    delivery_p50_ms: float = 0.0
    delivery_p99_ms: float = 0.0

    @property
    def rate(self) -> float:
        """Acknowledged messages per second."""
        return self.acked / self.seconds
