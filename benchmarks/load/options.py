"""How much `make bench-load` measures."""

from dataclasses import dataclass

from benchmarks.load.ours import Through
from benchmarks.peers import PEERS


@dataclass(frozen=True)
class Options:
    """`seconds` is a window's length; `repeats` are interleaved, and their medians are shown."""

    seconds: float = 5.0
    repeats: int = 3
    connections: tuple[int, ...] = (100, 1000)
    peers: tuple[str, ...] = tuple(PEERS)
    through: Through = "locust"
    stack: str = "full"
