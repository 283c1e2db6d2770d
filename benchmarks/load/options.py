"""The options of `make bench-load`."""

from dataclasses import dataclass

from benchmarks.load.engine_load import RunMode
from benchmarks.peers import PEERS


@dataclass(frozen=True)
class Options:
    """`seconds` is the length of a window; `repeats` are interleaved, and medians are shown."""

    seconds: float = 5.0
    repeats: int = 5
    connections: tuple[int, ...] = (100, 1000)
    peers: tuple[str, ...] = tuple(PEERS)
    run_mode: RunMode = "locust"
    stack: str = "full"
