"""What the benchmarks ask of a generator process, and what it answers: a line of JSON each."""

import msgspec


class Bare(msgspec.Struct, tag="bare"):
    """Post to a server that only answers."""

    api: list[str]


class Direct(msgspec.Struct, tag="direct"):
    """As many users as conversations, all connected; each writes to the next one in a ring."""

    api: list[str]
    conversations: int


class Room(msgspec.Struct, tag="room"):
    """One room whose members are all connected and write in turn."""

    api: list[str]
    members: int


class Idle(msgspec.Struct, tag="idle"):
    """Users that are connected, answer heartbeats and say nothing else."""

    api: list[str]
    connections: int


class Closed(msgspec.Struct, tag="closed"):
    """`window` sends are under way at any time: as fast as the server answers."""

    window: int
    seconds: float


class Open(msgspec.Struct, tag="open"):
    """Sends arrive at random (Poisson), whatever the server does."""

    rate: float
    seconds: float


class Wait(msgspec.Struct, tag="wait"):
    """Only be there."""

    seconds: float


Job = Bare | Direct | Room | Idle | Closed | Open | Wait


class Result(msgspec.Struct):
    """What became of a job.

    `deliveries` are pushes that came in their conversation's order, each once; `lost` are those
    of acknowledged messages that did not come. Latencies count from when a message was due.
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
