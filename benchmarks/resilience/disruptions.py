"""Random kills and stops of the components of a running stack, several at a time."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from gauntlet.core.errors import StackError

Action = Literal["kill", "terminate", "pause"]

ACTIONS: tuple[Action, ...] = ("kill", "terminate", "pause")
_WEIGHTS = (6, 2, 2)  # of the actions
_DOWN_S = (0.1, 1.5)
_INTERVAL_S = (0.1, 1.0)  # between the disruptions of one lane
_STARTS = 3  # a broker that was killed while it started may need a second one


class Control(Protocol):
    """What is needed of the control API."""

    def kill(self, name: str, signal: str = "KILL") -> None:
        """End a component by a signal."""

    def start(self, name: str) -> None:
        """Start it, and wait until it is healthy."""

    def pause(self, name: str) -> None:
        """Suspend it."""

    def resume(self, name: str) -> None:
        """Resume it."""


class Disruption(msgspec.Struct, frozen=True, kw_only=True):
    """A kill or a stop that happened. `back_s` is the time until the component was healthy."""

    action: Action
    component: str
    at_s: float
    down_s: float
    back_s: float


class Disruptions:
    """Disrupts a stack a given number of times, in several lanes at once."""

    def __init__(self, control: Control, components: Sequence[str], seed: int) -> None:
        self.done: list[Disruption] = []
        self.errors: list[str] = []
        self._control = control
        self._components = components
        self._random = random.Random(f"{seed}/disruptions")
        self._busy: set[str] = set()
        self._left = 0
        self._began_s = time.monotonic()

    async def run(self, count: int, lanes: int) -> None:
        """Disrupt components until so many disruptions are over."""
        self._left = count
        await asyncio.gather(*(self._lane() for _ in range(lanes)))

    async def _lane(self) -> None:
        while self._left > 0:
            self._left -= 1
            await asyncio.sleep(self._random.uniform(*_INTERVAL_S))
            (action,) = self._random.choices(ACTIONS, _WEIGHTS)
            free = [each for each in self._components if each not in self._busy]
            if not free:
                return
            name = self._random.choice(free)
            self._busy.add(name)
            try:
                await self._disrupt(action, name, self._random.uniform(*_DOWN_S))
            except StackError as error:  # it may still be down, so it is left alone
                self.errors.append(f"{action} {name}: {error}")
            else:
                self._busy.discard(name)

    async def _disrupt(self, action: Action, name: str, down_s: float) -> None:
        began_s = time.monotonic()
        if action == "pause":
            await asyncio.to_thread(self._control.pause, name)
        else:
            signal = "KILL" if action == "kill" else "TERM"
            await asyncio.to_thread(self._control.kill, name, signal)
        await asyncio.sleep(down_s)
        if action == "pause":
            await asyncio.to_thread(self._control.resume, name)
        else:
            await self._retried(lambda: self._control.start(name))
        self.done.append(
            Disruption(
                action=action,
                component=name,
                at_s=round(began_s - self._began_s, 3),
                down_s=round(down_s, 3),
                back_s=round(time.monotonic() - began_s, 3),
            )
        )

    async def _retried(self, call: Callable[[], None]) -> None:
        for attempt in range(1, _STARTS + 1):
            try:
                await asyncio.to_thread(call)
                return
            except StackError:
                if attempt == _STARTS:
                    raise
                await asyncio.sleep(1.0)
