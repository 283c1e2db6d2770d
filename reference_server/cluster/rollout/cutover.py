"""The migration of clients from some edges to others, as a state machine without I/O.

There are two migrations: the blue-green cutover of the WebSocket tier, and the scale-in of one
edge. Observations and the time go in, commands come out, and `driver.py` executes them. A script
is a list of steps, each of them a state and the command that is executed in it. Any failure before
CLOSE switches to the rollback script; CLOSE is the point of no return, because clients can no
longer be sent back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gauntlet.reference_server.cluster.topology.errors import StateError
from gauntlet.reference_server.cluster.topology.plan import ENVIRONMENTS

NS_PER_MS = 1_000_000


class State(StrEnum):
    """The states of a migration."""

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
class _GroupCommand:
    """A command for the edges of a group: of an environment, or a single edge."""

    group: str


class StartEdges(_GroupCommand):
    """Start the edges and wait until they are healthy."""


@dataclass(frozen=True)
class RunCanaries(_GroupCommand):
    """Verify that clients of the group and of `old` can reach each other."""

    old: str


class Switch(_GroupCommand):
    """Direct new connections to the group."""


class Drain(_GroupCommand):
    """Send `reconnect` to every client, spread over a time; refuse new clients."""


class StopDrain(_GroupCommand):
    """Accept clients again, and keep those that are connected."""


class AwaitEmpty(_GroupCommand):
    """Observe until there has been no connection for `Limits.settle_ms`."""


class CloseEdges(_GroupCommand):
    """Stop the processes of the edges, and their listeners with them."""


class RetireEdges(_GroupCommand):
    """Mark the edges as planned again."""


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
    """An operator requested a rollback."""


@dataclass(frozen=True)
class EdgesObserved:
    """Statistics of the edges: connections by group, the rest of the edges clients are moved to."""

    connections: dict[str, int]
    handshake_p99_ms: float = 0.0
    loop_lag_ms: float = 0.0
    # The last handshakes, and those of them that failed through the fault of the edge.
    handshakes: int = 0
    handshakes_failed: int = 0
    # Edges that should be running and are not, or do not answer.
    down: tuple[str, ...] = ()


Observation = Succeeded | Failed | RollbackRequested | EdgesObserved


@dataclass(frozen=True)
class Limits:
    """Limits for the edges that clients are moved to; exceeding one causes a rollback."""

    handshake_p99_ms: float = 2000.0
    loop_lag_ms: float = 1000.0
    # Below `handshakes_min` handshakes, the ratio is not compared.
    handshake_errors_ratio: float = 0.05
    handshakes_min: int = 20
    # How long clients may stay connected after the drain.
    monitor_ms: int = 30_000
    # How long there must be no connection: one may still be in its handshake.
    settle_ms: int = 1000

    def violation(self, observed: EdgesObserved) -> str | None:
        """Describe the first limit that an observation exceeds; None if it keeps all of them."""
        if observed.down:
            return f"{', '.join(observed.down)}: not running, or not answering"
        if observed.handshakes >= self.handshakes_min:
            ratio = observed.handshakes_failed / observed.handshakes
            if ratio > self.handshake_errors_ratio:
                return f"{observed.handshakes_failed} of {observed.handshakes} handshakes failed"
        for name in ("handshake_p99_ms", "loop_lag_ms"):
            value, limit = getattr(observed, name), getattr(self, name)
            if value > limit:
                return (
                    f"{name} of the edges that clients are moved to is {value:g}; "
                    f"the limit is {limit:g}"
                )
        return None


@dataclass(frozen=True)
class Step:
    """One entry in the record of a migration."""

    state: State
    t_ns: int
    detail: dict[str, Any]


Script = list[tuple[State, Command]]


class Migration:
    """One migration along a script; only `advance` changes its state."""

    def __init__(
        self,
        script: Script,
        rollback_script: Callable[[State], Script],
        limits: Limits,
        now_ns: int,
    ) -> None:
        self.limits = limits
        self.state = script[0][0]
        self.steps: list[Step] = []
        self.error: str | None = None
        self._script = script
        self._rollback_script = rollback_script
        self._final_state = State.DONE
        self._empty_since_ns: int | None = None
        self._enter(now_ns)

    @property
    def command(self) -> Command | None:
        """The command to execute now; None when the migration is over."""
        return self._script[0][1] if self._script else None

    def advance(self, observation: Observation, now_ns: int) -> None:
        """Process an observation; StateError for a rollback that is requested too late."""
        match observation:
            case Succeeded():
                self._next(now_ns)
            case Failed(reason):
                self._fail(now_ns, reason)
            case RollbackRequested():
                if self.state not in REVERSIBLE:
                    raise StateError(f"a rollback is not possible in the state {self.state}")
                self._roll_back(now_ns, "requested")
            case EdgesObserved():
                self._observe(now_ns, observation)

    def _observe(self, now_ns: int, observed: EdgesObserved) -> None:
        command = self.command
        self.steps[-1].detail["connections"] = observed.connections
        violation = self.limits.violation(observed)
        if violation and self.state in REVERSIBLE:
            self._roll_back(now_ns, violation)
        elif isinstance(command, Drain | AwaitEmpty):
            self._check_empty(command, observed.connections.get(command.group, 0), now_ns)

    def _check_empty(self, command: Drain | AwaitEmpty, left: int, now_ns: int) -> None:
        """Continue when no client is left, or when those that are left have run out of time."""
        if left:
            self._empty_since_ns = None
        elif self._empty_since_ns is None:
            self._empty_since_ns = now_ns
        if isinstance(command, Drain):
            if not left:
                self._next(now_ns)
        elif self._empty_since_ns is not None:
            if now_ns - self._empty_since_ns >= self.limits.settle_ms * NS_PER_MS:
                self._next(now_ns)
        elif now_ns - self._entered_ns > self.limits.monitor_ms * NS_PER_MS:
            if self.state in REVERSIBLE:
                self._roll_back(now_ns, f"{command.group} still has {left} connections")
            else:
                # A rollback must end: the edges close the remaining connections when they stop.
                self._next(now_ns)

    def _next(self, now_ns: int) -> None:
        del self._script[0]
        self.state = self._script[0][0] if self._script else self._final_state
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
        self._script = self._rollback_script(self.state)
        self._final_state = State.ROLLED_BACK
        self.state = State.ROLLBACK
        self._enter(now_ns, reason)

    def _enter(self, now_ns: int, reason: str | None = None) -> None:
        self._entered_ns = now_ns
        self._empty_since_ns = None
        detail: dict[str, Any] = {"reason": reason} if reason else {}
        if self.command is not None:
            detail["command"] = type(self.command).__name__
        self.steps.append(Step(self.state, now_ns, detail))


def cutover(old: str, new: str, *, canaries: bool, limits: Limits, now_ns: int) -> Migration:
    """Return a cutover to another environment; StateError if `new` is in use or unknown."""
    if new not in ENVIRONMENTS or new == old:
        raise StateError(
            f"{old} is in use already" if new == old else f"there is no environment {new}"
        )
    steps: Script = [
        (State.PREPARE, StartEdges(new)),
        (State.VERIFY, RunCanaries(new, old)),
        (State.SWITCH, Switch(new)),
        *_emptying_script(old),
    ]
    script = [step for step in steps if canaries or step[0] is not State.VERIFY]
    return Migration(script, lambda reached: _rollback_script(old, new, reached), limits, now_ns)


def scale_in(edge: str, *, limits: Limits, now_ns: int) -> Migration:
    """Return a scale-in: clients move from one edge to the others of its environment.

    After a rollback the edge keeps the clients that are left.
    """
    return Migration(
        _emptying_script(edge), lambda _: [(State.ROLLBACK, StopDrain(edge))], limits, now_ns
    )


def _emptying_script(group: str) -> Script:
    return [
        (State.DRAIN, Drain(group)),
        (State.MONITOR, AwaitEmpty(group)),
        (State.CLOSE, CloseEdges(group)),
        (State.RETIRE, RetireEdges(group)),
    ]


def _rollback_script(old: str, new: str, reached: State) -> Script:
    """Return the rollback from the state that was reached; a failed switch may have switched."""
    commands: list[Command] = [CloseEdges(new), RetireEdges(new)]
    if reached in (State.SWITCH, State.DRAIN, State.MONITOR):
        # The old edges accept clients again before clients are sent to them.
        commands = [StopDrain(old), Switch(old), Drain(new), AwaitEmpty(new), *commands]
    return [(State.ROLLBACK, command) for command in commands]
