"""Moves clients from some edges to others, as a pure state machine.

There are two such moves: the blue-green cutover of the WebSocket tier, and the end of one edge.
Observations and the time go in, commands come out; `cutover_driver.py` executes them. A script is a
list of steps, each a state and the command that is executed in it. Any failure before CLOSE changes
to the way back; CLOSE is the point of no return, since clients can no longer be sent back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gauntlet.reference_server.cluster.topology.errors import StateError
from gauntlet.reference_server.cluster.topology.plan import ENVIRONMENTS

NS_PER_MS = 1_000_000


class State(StrEnum):
    """Where a move is."""

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
class _OfGroup:
    """`group` names an environment, or a single edge."""

    group: str


class StartEdges(_OfGroup):
    """Start the edges and wait until they are healthy."""


@dataclass(frozen=True)
class RunCanaries(_OfGroup):
    """Prove that clients of the group and of `old` reach each other."""

    old: str


class Switch(_OfGroup):
    """Send new connections here."""


class Drain(_OfGroup):
    """Push `reconnect` to every client, over a time; refuse new ones."""


class StopDrain(_OfGroup):
    """Accept and keep clients again."""


class AwaitEmpty(_OfGroup):
    """Observe until no connection is left, and for a while none has come; see `Limits`."""


class CloseEdges(_OfGroup):
    """Close the listeners, with their processes."""


class RetireEdges(_OfGroup):
    """Count the edges as planned again, to be started when they are wanted."""


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
    """What the edges say: connections by group, the rest of those that clients are moved to."""

    connections: dict[str, int]
    handshake_p99_ms: float = 0.0
    loop_lag_ms: float = 0.0
    # Of the last handshakes; failed by the edge's fault, not by the client's.
    handshakes: int = 0
    handshakes_failed: int = 0
    # Edges that should run and do not, or hang.
    down: tuple[str, ...] = ()


Observation = Succeeded | Failed | RollbackRequested | Observed


@dataclass(frozen=True)
class Limits:
    """What those edges must keep that clients are moved to, or the move goes back by itself."""

    handshake_p99_ms: float = 2000.0
    loop_lag_ms: float = 1000.0
    # One failure among few handshakes is no ratio yet.
    handshake_errors_ratio: float = 0.05
    handshakes_min: int = 20
    # How long stragglers may need after the drain is over.
    monitor_ms: int = 30_000
    # How long there must have been no connection: one may have been in its handshake.
    settle_ms: int = 1000

    def broken_by(self, seen: Observed) -> str | None:
        """The first limit that an observation breaks, in words."""
        if seen.down:
            return f"{', '.join(seen.down)}: not running or silent"
        if seen.handshakes >= self.handshakes_min:
            ratio = seen.handshakes_failed / seen.handshakes
            if ratio > self.handshake_errors_ratio:
                return f"{seen.handshakes_failed} of {seen.handshakes} handshakes failed"
        for name in ("handshake_p99_ms", "loop_lag_ms"):
            value, limit = getattr(seen, name), getattr(self, name)
            if value > limit:
                return f"{name} where clients are moved to is {value:g}, more than {limit:g}"
        return None


@dataclass(frozen=True)
class Step:
    """One line of the record."""

    state: State
    t_ns: int
    detail: dict[str, Any]


Script = list[tuple[State, Command]]


class Move:
    """One move of clients along a script; `advance` is its only way on."""

    def __init__(
        self, script: Script, way_back: Callable[[State], Script], limits: Limits, now_ns: int
    ) -> None:
        self.limits = limits
        self.state = script[0][0]
        self.steps: list[Step] = []
        self.error: str | None = None
        self._script = script
        self._way_back = way_back
        self._end = State.DONE
        self._empty_since_ns: int | None = None
        self._enter(now_ns)

    @property
    def command(self) -> Command | None:
        """What is to be executed now; None when the move is over."""
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
            self._count_out(waiting, seen.connections.get(waiting.group, 0), now_ns)

    def _count_out(self, waiting: Drain | AwaitEmpty, left: int, now_ns: int) -> None:
        """Go on when nobody is left, or when who is left has had his time."""
        if left:
            self._empty_since_ns = None
        elif self._empty_since_ns is None:
            self._empty_since_ns = now_ns
        if isinstance(waiting, Drain):
            if not left:
                self._next(now_ns)
        elif self._empty_since_ns is not None:
            if now_ns - self._empty_since_ns >= self.limits.settle_ms * NS_PER_MS:
                self._next(now_ns)
        elif now_ns - self._entered_ns > self.limits.monitor_ms * NS_PER_MS:
            if self.state in REVERSIBLE:
                self._roll_back(now_ns, f"{waiting.group} still has {left} connections")
            else:
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
        self._script = self._way_back(self.state)
        self._end = State.ROLLED_BACK
        self.state = State.ROLLBACK
        self._enter(now_ns, reason)

    def _enter(self, now_ns: int, reason: str | None = None) -> None:
        self._entered_ns = now_ns
        self._empty_since_ns = None
        detail: dict[str, Any] = {"reason": reason} if reason else {}
        if self.command is not None:
            detail["command"] = type(self.command).__name__
        self.steps.append(Step(self.state, now_ns, detail))


def cutover(old: str, new: str, *, canaries: bool, limits: Limits, now_ns: int) -> Move:
    """From one environment to the other; StateError unless there are two."""
    if new not in ENVIRONMENTS or new == old:
        raise StateError(f"the environment is {old} already" if new == old else f"no {new}")
    steps: Script = [
        (State.PREPARE, StartEdges(new)),
        (State.VERIFY, RunCanaries(new, old)),
        (State.SWITCH, Switch(new)),
        *_empty(old),
    ]
    script = [step for step in steps if canaries or step[0] is not State.VERIFY]
    return Move(script, lambda reached: _back_to(old, new, reached), limits, now_ns)


def scale_in(edge: str, *, limits: Limits, now_ns: int) -> Move:
    """From one edge to the others of its environment; on the way back it keeps who is left."""
    return Move(_empty(edge), lambda _: [(State.ROLLBACK, StopDrain(edge))], limits, now_ns)


def _empty(group: str) -> Script:
    return [
        (State.DRAIN, Drain(group)),
        (State.MONITOR, AwaitEmpty(group)),
        (State.CLOSE, CloseEdges(group)),
        (State.RETIRE, RetireEdges(group)),
    ]


def _back_to(old: str, new: str, reached: State) -> Script:
    """The way back from the state that was reached. A failed switch may still have switched."""
    commands: list[Command] = [CloseEdges(new), RetireEdges(new)]
    if reached in (State.SWITCH, State.DRAIN, State.MONITOR):
        # The old edges accept again before anybody is sent to them.
        commands = [StopDrain(old), Switch(old), Drain(new), AwaitEmpty(new), *commands]
    return [(State.ROLLBACK, command) for command in commands]
