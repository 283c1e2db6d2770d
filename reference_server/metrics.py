"""Counters and gauges of one process, shown at `/metrics` in Prometheus' text format."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

PREFIX = "im_"
_LAG_TICK_S = 0.1
_LAG_TICKS_KEPT = 50


class Metrics:
    """Counters by name, and gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}

    def add(self, name: str, amount: int = 1) -> None:
        """Count something; names of counters end in `_total`."""
        self.counters[name] += amount

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Show what `read` returns; the unit comes last in the name."""
        self._gauges[name] = read

    def values(self) -> dict[str, float]:
        """All counters and gauges now."""
        return {**self.counters, **{name: read() for name, read in self._gauges.items()}}

    def render(self) -> str:
        """The text that Prometheus scrapes."""
        lines: list[str] = []
        for name, value in sorted(self.values().items()):
            kind = "counter" if name in self.counters else "gauge"
            lines += [f"# TYPE {PREFIX}{name} {kind}", f"{PREFIX}{name} {value:g}"]
        return "\n".join(lines) + "\n"


class LoopLag:
    """How late the event loop wakes a sleeper: the worst of the last five seconds."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=_LAG_TICKS_KEPT)

    def worst_ms(self) -> float:
        """Milliseconds."""
        return 1000 * max(self._late_s, default=0.0)

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_TICK_S
            await asyncio.sleep(_LAG_TICK_S)
            self._late_s.append(max(0.0, loop.time() - due))
