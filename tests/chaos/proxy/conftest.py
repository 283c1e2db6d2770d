"""A clock that tests advance, and a harness that runs one stage in isolation."""

import heapq
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.toxics._stage import Stage


class FakeTimer:
    """A scheduled call of a fake clock."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time that only `advance` moves; timers fire in order, each at its own time."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._count = 0

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        self._count += 1
        heapq.heappush(self._timers, (self.now_s + delay_s, self._count, timer))
        return timer

    def advance(self, seconds: float) -> None:
        until = self.now_s + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now_s, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        self.now_s = until

    def run_next(self) -> None:
        """Make the next call, and no other."""
        self.now_s, _, timer = heapq.heappop(self._timers)
        if timer.callback is not None:
            timer.callback()

    @property
    def pending(self) -> int:
        return sum(timer.callback is not None for _, _, timer in self._timers)


class StageHarness:
    """One stage: feed it, advance the clock, and inspect what was forwarded and when."""

    def __init__(self, kind: str, attributes: dict[str, int]) -> None:
        self.clock = FakeClock()
        self.resets = 0
        self.turns = 0
        self.reading_adjustments = 0
        self.ended_s: float | None = None
        self.forwarded: list[tuple[float, bytes]] = []
        self._start_s = self.clock.now_s
        self._schema = TOXICS[kind].schema
        self.stage: Stage = TOXICS[kind](self._convert(attributes), self, Random(7))
        self.stage.next = self  # type: ignore[assignment]  # see feed and end
        self.stage.start()

    def now(self) -> float:
        return self.clock.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        return self.clock.call_later(delay_s, callback)

    def take_turn(self, callback: Callable[[], None]) -> FakeTimer:
        self.turns += 1
        return self.clock.call_later(0, callback)

    def adjust_reading(self) -> None:
        self.reading_adjustments += 1

    def reset(self) -> None:
        self.resets += 1

    def feed(self, data: bytes) -> None:
        assert self.ended_s is None, "data after the end"
        self.forwarded.append((round(self.clock.now_s - self._start_s, 6), data))

    def end(self) -> None:
        if self.ended_s is None:
            self.ended_s = round(self.clock.now_s - self._start_s, 6)

    def update(self, **attributes: int) -> None:
        self.stage.update(self._convert(attributes))

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.forwarded)

    @property
    def times_s(self) -> list[float]:
        return [time_s for time_s, _ in self.forwarded]

    def _convert(self, attributes: dict[str, int]) -> msgspec.Struct:
        return msgspec.convert(attributes, self._schema)


@pytest.fixture
def run_stage() -> Callable[..., StageHarness]:
    """Run a stage: `run_stage("latency", latency=50)`."""
    return lambda kind, **attributes: StageHarness(kind, attributes)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until a test advances it."""
    return FakeClock()


@pytest.fixture(scope="session")
def new_clock() -> type[FakeClock]:
    """The class of the clock, for tests that need one in each of many examples."""
    return FakeClock
