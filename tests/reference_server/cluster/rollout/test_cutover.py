"""The state machine of migrations: each state, every rollback, and the point of no return."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.cluster.rollout import cutover as machine
from gauntlet.reference_server.cluster.rollout.cutover import State, Succeeded
from gauntlet.reference_server.cluster.topology.errors import StateError

MS = machine.NS_PER_MS
EMPTY = machine.EdgesObserved({"blue": 0, "green": 9})
BUSY = machine.EdgesObserved({"blue": 5, "green": 4})
STUCK = machine.EdgesObserved({"blue": 5, "green": 5})
FORWARD = [
    (State.PREPARE, machine.StartEdges("green")),
    (State.VERIFY, machine.RunCanaries("green", "blue")),
    (State.SWITCH, machine.Switch("green")),
    (State.DRAIN, machine.Drain("blue")),
    (State.MONITOR, machine.AwaitEmpty("blue")),
    (State.CLOSE, machine.CloseEdges("blue")),
    (State.RETIRE, machine.RetireEdges("blue")),
]
DROP_GREEN = [machine.CloseEdges("green"), machine.RetireEdges("green")]
SEND_BACK = [
    machine.StopDrain("blue"),
    machine.Switch("blue"),
    machine.Drain("green"),
    machine.AwaitEmpty("green"),
    *DROP_GREEN,
]
# An environment without connections counts as empty immediately.
LIMITS = machine.Limits(settle_ms=0)
ROLLBACK_COMMANDS = {
    State.PREPARE: DROP_GREEN,
    State.VERIFY: DROP_GREEN,
    State.SWITCH: SEND_BACK,
    State.DRAIN: SEND_BACK,
    State.MONITOR: SEND_BACK,
}


def begin(*, canaries=True):
    """Begin a cutover from blue to green at time 0."""
    return machine.cutover("blue", "green", canaries=canaries, limits=LIMITS, now_ns=0)


def reached(state):
    """Return a cutover that has reached `state` without a failure."""
    cutover = begin()
    while cutover.state is not state:
        cutover.advance(
            EMPTY if cutover.state is State.MONITOR else Succeeded(), cutover.steps[-1].t_ns + MS
        )
    return cutover


def commands(cutover):
    """Let every command succeed; return the commands from the current one on."""
    executed = []
    while cutover.command is not None:
        executed.append(cutover.command)
        cutover.advance(Succeeded(), 10 * MS)
    return executed


def test_a_cutover_without_failures_goes_through_every_state():
    """Each state has its command, and is recorded with its time."""
    cutover = begin()
    for number, (state, command) in enumerate(FORWARD):
        assert (cutover.state, cutover.command) == (state, command)
        observation = EMPTY if state is State.MONITOR else Succeeded()
        cutover.advance(observation, (number + 1) * MS)
    assert (cutover.state, cutover.command, cutover.error) == (State.DONE, None, None)
    assert [step.state for step in cutover.steps] == [*(state for state, _ in FORWARD), State.DONE]
    assert [step.t_ns for step in cutover.steps] == [number * MS for number in range(8)]
    assert cutover.steps[1].detail == {"command": "RunCanaries"}
    assert cutover.steps[4].detail == {"command": "AwaitEmpty", "connections": EMPTY.connections}


def test_without_canaries_there_is_no_verify_step():
    cutover = begin(canaries=False)
    assert machine.RunCanaries("green", "blue") not in commands(cutover)
    assert State.VERIFY not in {step.state for step in cutover.steps}


@pytest.mark.parametrize("state", ROLLBACK_COMMANDS)
def test_a_failure_before_close_rolls_back(state):
    cutover = reached(state)
    cutover.advance(machine.Failed("broke"), 9 * MS)
    assert (cutover.state, cutover.error) == (State.ROLLBACK, "broke")
    assert commands(cutover) == ROLLBACK_COMMANDS[state]
    assert cutover.state is State.ROLLED_BACK


@pytest.mark.parametrize("state", ROLLBACK_COMMANDS)
def test_an_operator_can_request_a_rollback_until_close(state):
    """The commands are those of a failure, but there is no error."""
    cutover = reached(state)
    cutover.advance(machine.RollbackRequested(), 9 * MS)
    assert commands(cutover) == ROLLBACK_COMMANDS[state]
    assert (cutover.state, cutover.error) == (State.ROLLED_BACK, None)


@pytest.mark.parametrize("state", [State.CLOSE, State.RETIRE, State.DONE])
def test_a_rollback_from_close_on_is_refused(state):
    """Clients could no longer be sent back."""
    cutover = reached(state)
    with pytest.raises(StateError, match="a rollback is not possible"):
        cutover.advance(machine.RollbackRequested(), 9 * MS)
    assert cutover.state is state


@pytest.mark.parametrize("state", [State.CLOSE, State.RETIRE])
def test_a_failure_from_close_on_is_final(state):
    cutover = reached(state)
    cutover.advance(machine.Failed("broke"), 9 * MS)
    assert (cutover.state, cutover.command, cutover.error) == (State.FAILED, None, "broke")


def test_a_failure_of_the_rollback_is_final():
    cutover = reached(State.VERIFY)
    cutover.advance(machine.Failed("first"), 9 * MS)
    cutover.advance(machine.Failed("second"), 9 * MS)
    assert (cutover.state, cutover.command, cutover.error) == (State.FAILED, None, "second")


@pytest.mark.parametrize(
    "exceeded",
    [
        {"handshake_p99_ms": 2001.0},
        {"loop_lag_ms": 1001.0},
        {"handshakes": 100, "handshakes_failed": 6},
        {"down": ("edge-green-1",)},
    ],
)
@pytest.mark.parametrize("state", [State.VERIFY, State.DRAIN, State.MONITOR])
def test_exceeding_a_limit_causes_a_rollback(state, exceeded):
    """Even if the old environment is empty already: the new one cannot keep its clients."""
    cutover = reached(state)
    cutover.advance(machine.EdgesObserved({"blue": 0, "green": 9}, **exceeded), 9 * MS)
    assert cutover.state is State.ROLLBACK
    errors = {
        "handshakes": "6 of 100 handshakes",
        "down": "edge-green-1: not running, or not answering",
    }
    name = next(iter(exceeded))
    assert errors.get(name, name) in cutover.error


def test_a_value_equal_to_its_limit_does_not_exceed_it():
    limits = machine.Limits()
    at_limits = machine.EdgesObserved(
        {"blue": 5, "green": 0},
        limits.handshake_p99_ms,
        limits.loop_lag_ms,
        handshakes=100,
        handshakes_failed=5,
    )
    cutover = reached(State.MONITOR)
    cutover.advance(at_limits, 9 * MS)
    assert cutover.state is State.MONITOR


def test_the_handshake_error_ratio_needs_twenty_handshakes():
    """A client may disconnect while its heads are read."""
    cutover = reached(State.DRAIN)
    few = machine.EdgesObserved(BUSY.connections, handshakes=19, handshakes_failed=5)
    cutover.advance(few, 9 * MS)
    assert cutover.state is State.DRAIN


def test_clients_left_after_the_monitor_time_cause_a_rollback():
    cutover = reached(State.MONITOR)
    entered_ns = cutover.steps[-1].t_ns
    cutover.advance(BUSY, entered_ns + cutover.limits.monitor_ms * MS)
    assert cutover.state is State.MONITOR
    cutover.advance(STUCK, entered_ns + cutover.limits.monitor_ms * MS + 1)
    assert cutover.state is State.ROLLBACK
    assert cutover.error == "blue still has 5 connections"


def test_edges_close_only_after_the_settle_time_without_a_connection():
    """A client that was still in its handshake restarts the settle time."""
    limits = machine.Limits(settle_ms=1000)
    cutover = machine.cutover("blue", "green", canaries=False, limits=limits, now_ns=0)
    while cutover.state is not State.MONITOR:
        cutover.advance(Succeeded(), 0)
    for now_ms, left in ((0, 0), (900, 0), (950, 1), (1000, 0), (1999, 0)):
        cutover.advance(machine.EdgesObserved({"blue": left}), now_ms * MS)
        assert cutover.state is State.MONITOR
    cutover.advance(machine.EdgesObserved({"blue": 0}), 2000 * MS)
    assert cutover.state is State.CLOSE


def test_a_scale_in_drains_waits_closes_and_retires():
    """Nothing is started or switched."""
    migration = machine.scale_in("edge-blue-2", limits=LIMITS, now_ns=0)
    assert commands(migration) == [
        machine.Drain("edge-blue-2"),
        machine.AwaitEmpty("edge-blue-2"),
        machine.CloseEdges("edge-blue-2"),
        machine.RetireEdges("edge-blue-2"),
    ]
    assert migration.state is State.DONE


def test_a_scale_in_stops_if_the_other_edges_cannot_take_the_clients():
    """The edge stops its drain, and nothing has to be switched back."""
    migration = machine.scale_in("edge-blue-2", limits=LIMITS, now_ns=0)
    observed = machine.EdgesObserved({"blue": 9, "edge-blue-2": 4}, down=("edge-blue-1",))
    migration.advance(observed, MS)
    assert commands(migration) == [machine.StopDrain("edge-blue-2")]
    assert (migration.state, migration.error) == (
        State.ROLLED_BACK,
        "edge-blue-1: not running, or not answering",
    )


def test_a_rollback_ends_even_if_clients_stay():
    """Their edges close them when they stop."""
    cutover = reached(State.MONITOR)
    cutover.advance(machine.RollbackRequested(), 0)
    while not isinstance(cutover.command, machine.AwaitEmpty):
        cutover.advance(Succeeded(), MS)
    cutover.advance(STUCK, 2 * MS)
    assert cutover.command == machine.AwaitEmpty("green")
    cutover.advance(STUCK, (cutover.limits.monitor_ms + 2) * MS)
    assert cutover.command == machine.CloseEdges("green")


def test_the_drain_has_no_time_limit_and_ends_with_the_last_client():
    cutover = reached(State.DRAIN)
    cutover.advance(BUSY, 3600 * 1000 * MS)
    assert cutover.state is State.DRAIN
    cutover.advance(EMPTY, 3600 * 1000 * MS)
    assert cutover.state is State.MONITOR


@pytest.mark.parametrize("new", ["blue", "red"])
def test_a_cutover_to_the_same_or_an_unknown_environment_is_refused(new):
    with pytest.raises(StateError):
        machine.cutover("blue", new, canaries=True, limits=LIMITS, now_ns=0)


OBSERVATIONS = st.one_of(
    st.just(Succeeded()),
    st.just(machine.Failed("broke")),
    st.builds(
        machine.EdgesObserved,
        st.fixed_dictionaries({"blue": st.integers(0, 2), "green": st.integers(0, 2)}),
        st.sampled_from([0.0, 3000.0]),
    ),
    st.just(machine.RollbackRequested()),
)


@given(st.lists(st.tuples(OBSERVATIONS, st.integers(0, 40_000)), max_size=40))
def test_the_environment_in_use_is_never_closed(events):
    """After any sequence of observations at most one environment was closed."""
    cutover = begin()
    serving, closed, now_ns = "blue", [], 0
    for observation, passed_ms in events:
        now_ns += passed_ms * MS
        command = cutover.command
        if command is None:
            break
        # A command has its effect before its success is reported.
        if isinstance(observation, Succeeded) and isinstance(command, machine.Switch):
            serving = command.group
        if isinstance(command, machine.CloseEdges) and not isinstance(
            observation, machine.RollbackRequested
        ):
            closed.append(command.group)
        try:
            cutover.advance(observation, now_ns)
        except StateError:
            assert cutover.state not in machine.REVERSIBLE
        assert len({*closed}) <= 1
        assert serving not in closed
    if cutover.command is None:
        assert cutover.state in machine.FINAL


CLIENT_COMMANDS = machine.Switch | machine.Drain | machine.CloseEdges


@given(st.lists(OBSERVATIONS, max_size=20))
def test_no_client_is_moved_before_the_new_environment_is_verified(events):
    """Until RunCanaries succeeded, blue is neither drained nor closed, and nothing is switched."""
    cutover, verified = begin(), False
    for number, observation in enumerate(events):
        command = cutover.command
        if command is None:
            break
        touches_blue = isinstance(command, CLIENT_COMMANDS) and command.group == "blue"
        assert verified or not (touches_blue or isinstance(command, machine.Switch))
        if isinstance(observation, Succeeded) and isinstance(command, machine.RunCanaries):
            verified = True
        with contextlib.suppress(StateError):
            cutover.advance(observation, number * MS)


@given(st.lists(st.tuples(OBSERVATIONS, st.integers(0, 40_000)), max_size=20), st.booleans())
def test_every_migration_ends(events, alone):
    """Even if no client moves, once the commands succeed."""
    migration = machine.scale_in("blue", limits=LIMITS, now_ns=0) if alone else begin()
    now_ns = 0
    for observation, passed_ms in events:
        now_ns += passed_ms * MS
        if migration.command is not None:
            with contextlib.suppress(StateError):
                migration.advance(observation, now_ns)
    for _ in range(30):
        if migration.command is None:
            break
        now_ns += (LIMITS.monitor_ms + 1) * MS
        waits = isinstance(migration.command, machine.AwaitEmpty)
        migration.advance(STUCK if waits else Succeeded(), now_ns)
    assert migration.command is None
    assert migration.state in machine.FINAL
