"""The blue-green cutover of the WebSocket tier as a pure state machine.

Observations and the time go in, commands come out; `cutover_driver.py` executes them. A script is a
list of steps, each a state and the command that is executed in it. Any failure before CLOSE changes
to the rollback script; CLOSE is the point of no return, since clients can no longer be sent back.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reference_server.cluster.errors import StateError
from reference_server.cluster.plan import ENVIRONMENTS

NS_PER_MS = 1_000_000


class State(StrEnum):
    """Where a cutover is."""

    IDLE = "idle"
    PREPARE = "prepare"
    VERIFY = "verify"
    SWITCH = "switch"
    DRAIN = "drain"
    MONITOR = "monitor"
    CLOSE = "close"
    RETIRE = "retire"
    DONE = "done"
    ROLLBACK = "rollback"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"


FINAL = frozenset({State.IDLE, State.DONE, State.ROLLED_BACK, State.FAILED})
REVERSIBLE = frozenset({State.PREPARE, State.VERIFY, State.SWITCH, State.DRAIN, State.MONITOR})


@dataclass(frozen=True)
class _OfEnvironment:
    environment: str


class StartEdges(_OfEnvironment):
    """Start the edges and wait until they are healthy."""


@dataclass(frozen=True)
class RunCanaries(_OfEnvironment):
    """Prove that clients of the environment and of `old` reach each other."""

    old: str


class Switch(_OfEnvironment):
    """Send new connections here."""


class Drain(_OfEnvironment):
    """Push `reconnect` to every client, over a time; refuse new ones."""


class StopDrain(_OfEnvironment):
    """Accept and keep clients again."""


class AwaitEmpty(_OfEnvironment):
    """Observe until there is no external connection; stragglers are closed in waves."""


class CloseEdges(_OfEnvironment):
    """Close the listeners, with their processes."""


class RetireEdges(_OfEnvironment):
    """Count the edges as planned again, to be started by the next cutover."""


Command = (
    StartEdges | RunCanaries | Switch | Drain | StopDrain | AwaitEmpty | CloseEdges | RetireEdges
)


@dataclass(frozen=True)
class Succeeded:
    """The current command was executed."""


@dataclass(frozen=True)
class Failed:
    """The current command could not be executed."""

    reason: str


@dataclass(frozen=True)
class RollbackRequested:
    """An operator wants to go back."""


@dataclass(frozen=True)
class Observed:
    """What the edges say; connections by environment, the rest of the new environment alone."""

    connections: dict[str, int]
    handshake_p99_ms: float = 0.0
    loop_lag_ms: float = 0.0


Observation = Succeeded | Failed | RollbackRequested | Observed


@dataclass(frozen=True)
class Limits:
    """What the new environment must keep, or the cutover rolls back by itself."""

    handshake_p99_ms: float = 2000.0
    loop_lag_ms: float = 1000.0
    # How long stragglers may need after the drain is over.
    monitor_ms: int = 30_000

    def broken_by(self, seen: Observed) -> str | None:
        """The first limit that an observation breaks, in words."""
        for name in ("handshake_p99_ms", "loop_lag_ms"):
            value, limit = getattr(seen, name), getattr(self, name)
            if value > limit:
                return f"{name} of the new environment is {value:g}, more than {limit:g}"
        return None


@dataclass(frozen=True)
class Step:
    """One line of the record."""

    state: State
    t_ns: int
    detail: dict[str, Any]


class Cutover:
    """One cutover from `old` to `new`; `advance` is its only way on."""

    def __init__(self, old: str, new: str, *, canaries: bool, limits: Limits, now_ns: int) -> None:
        if new not in ENVIRONMENTS or new == old:
            raise StateError(f"the environment is {old} already" if new == old else f"no {new}")
        self.old = old
        self.new = new
        self.limits = limits
        self.state = State.PREPARE
        self.steps: list[Step] = []
        self.error: str | None = None
        self._script = forward_script(old, new, canaries=canaries)
        self._end = State.DONE
        self._entered_ns = now_ns
        self._enter(now_ns)

    @property
    def command(self) -> Command | None:
        """What is to be executed now; None when the cutover is over."""
        return self._script[0][1] if self._script else None

    def advance(self, observation: Observation, now_ns: int) -> None:
        """Take in what happened; StateError for a rollback that comes too late."""
        match observation:
            case Succeeded():
                self._next(now_ns)
            case Failed(reason):
                self._fail(now_ns, reason)
            case RollbackRequested():
                if self.state not in REVERSIBLE:
                    raise StateError(f"no way back from {self.state}")
                self._roll_back(now_ns, "requested")
            case Observed():
                self._observe(now_ns, observation)

    def _observe(self, now_ns: int, seen: Observed) -> None:
        waiting = self.command
        self.steps[-1].detail["connections"] = seen.connections
        broken = self.limits.broken_by(seen)
        if broken and self.state in REVERSIBLE:
            self._roll_back(now_ns, broken)
        elif isinstance(waiting, Drain | AwaitEmpty):
            left = seen.connections.get(waiting.environment, 0)
            late = (
                isinstance(waiting, AwaitEmpty)
                and now_ns - self._entered_ns > self.limits.monitor_ms * NS_PER_MS
            )
            if left == 0:
                self._next(now_ns)
            elif late and self.state in REVERSIBLE:
                self._roll_back(now_ns, f"{waiting.environment} still has {left} connections")
            elif late:
                # Going back must come to an end: the edges close what is left when they stop.
                self._next(now_ns)

    def _next(self, now_ns: int) -> None:
        del self._script[0]
        self.state = self._script[0][0] if self._script else self._end
        self._enter(now_ns)

    def _fail(self, now_ns: int, reason: str) -> None:
        if self.state in REVERSIBLE:
            self._roll_back(now_ns, reason)
            return
        self.error = reason
        self._script = []
        self.state = State.FAILED
        self._enter(now_ns, reason)

    def _roll_back(self, now_ns: int, reason: str) -> None:
        self.error = None if reason == "requested" else reason
        self._script = rollback_script(self.state, self.old, self.new)
        self._end = State.ROLLED_BACK
        self.state = State.ROLLBACK
        self._enter(now_ns, reason)

    def _enter(self, now_ns: int, reason: str | None = None) -> None:
        self._entered_ns = now_ns
        detail: dict[str, Any] = {"reason": reason} if reason else {}
        if self.command is not None:
            detail["command"] = type(self.command).__name__
        self.steps.append(Step(self.state, now_ns, detail))


def forward_script(old: str, new: str, *, canaries: bool) -> list[tuple[State, Command]]:
    """The way from `old` to `new`."""
    steps: list[tuple[State, Command]] = [
        (State.PREPARE, StartEdges(new)),
        (State.VERIFY, RunCanaries(new, old)),
        (State.SWITCH, Switch(new)),
        (State.DRAIN, Drain(old)),
        (State.MONITOR, AwaitEmpty(old)),
        (State.CLOSE, CloseEdges(old)),
        (State.RETIRE, RetireEdges(old)),
    ]
    return [step for step in steps if canaries or step[0] is not State.VERIFY]


def rollback_script(reached: State, old: str, new: str) -> list[tuple[State, Command]]:
    """The way back from the state that was reached. A failed switch may still have switched."""
    commands: list[Command] = [CloseEdges(new), RetireEdges(new)]
    if reached in (State.SWITCH, State.DRAIN, State.MONITOR):
        commands = [Switch(old), StopDrain(old), Drain(new), AwaitEmpty(new), *commands]
    return [(State.ROLLBACK, command) for command in commands]
