"""A target that never lets anybody in ends the run soon, with the reason."""

import asyncio
import socket

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import StackError
from gauntlet.core.run_directory import Journal, RunDir, read_jsonl
from gauntlet.core.scenario.model import Duration, Fault, from_builtins
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.metrics import connect_diagnosis
from gauntlet.scenarios.metrics.connect_diagnosis import (
    PATIENCE_S,
    ConnectDiagnosis,
    describe_error,
)
from gauntlet.scenarios.network.websocket import TransportError
from gauntlet.scenarios.schedule.arrivals import Stripe

API = "http://127.0.0.1:9"


class Clock:
    """A clock that stands where it is put, in seconds."""

    s = 100.0

    def __call__(self):
        """Now, in nanoseconds."""
        return int(self.s * NS_PER_S)


def contact(clock, *faults_at_s):
    """A first contact with faults planned so many seconds from now."""
    faults = [Fault(id="f", kind="kill", target="edge", at=Duration(at_s)) for at_s in faults_at_s]
    return ConnectDiagnosis([API], faults, clock)


def test_it_gives_up_after_a_while_and_says_why():
    """Not before its patience is over, and with every kind of failure and its count."""
    clock = Clock()
    made = contact(clock)
    made.attempt_started()
    for _ in range(84):
        made.record_failure("connection refused")
    made.record_failure("HTTP 503")
    clock.s += PATIENCE_S - 0.1
    assert not made.should_give_up
    clock.s += 0.1
    assert made.should_give_up
    assert made.sentence == (
        f"nobody could connect to {API} in {PATIENCE_S} s: "
        "connection refused (84 times), HTTP 503 (once)"
    )


def test_one_who_got_in_is_enough():
    """What fails later is the matter of the checks."""
    clock = Clock()
    made = contact(clock)
    made.attempt_started()
    made.made = True
    clock.s += 100
    assert not made.should_give_up
    assert not made.failed


def test_the_clock_starts_with_the_first_session():
    """Users who come late by plan are no reason to give up."""
    clock = Clock()
    made = contact(clock)
    clock.s += 100
    assert not made.should_give_up
    assert not made.failed


@pytest.mark.parametrize(("fault_at_s", "gives_up"), [(1, False), (10, True)])
def test_a_fault_that_was_there_first_may_be_the_reason(fault_at_s, gives_up):
    """Troubles that began before any fault are the target's; later ones are a finding."""
    clock = Clock()
    made = contact(clock, 30, fault_at_s)
    made.attempt_started()
    clock.s += 2
    made.record_failure("connection refused")
    clock.s += PATIENCE_S
    assert made.should_give_up is gives_up
    assert made.failed


def test_the_kinds_that_are_kept_are_bounded():
    """A server that writes something new into each refusal does not fill the memory."""
    made = contact(Clock())
    made.attempt_started()
    for number in range(1000):
        made.record_failure(f"kind {number}")
    assert len(made._troubles) < 50


def test_the_row_is_written_only_for_an_unreachable_target(tmp_path):
    """A run in which somebody connected has no such row."""
    run = RunDir.create(tmp_path, "x", 1)
    journal = Journal(run, "load-0")
    reached, unreached = contact(Clock()), contact(Clock())
    for each in (reached, unreached):
        each.attempt_started()
        each.record_failure("connection refused")
    reached.made = True
    for each in (reached, unreached):
        each.tell(journal)
    journal.close()
    (row,) = read_jsonl(run.events / "load-0.jsonl")
    assert row["kind"] == "unreachable"
    assert row["troubles"] == {"connection refused": 1}


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (TimeoutError(), "no answer in time"),
        (OSError(24, "Too many open files"), "too many open files"),
        (None, "closed by the server"),
    ],
)
def test_failures_of_a_kind_have_the_same_words(cause, words):
    """Neither addresses nor numbers keep them from being counted together."""
    error = TransportError("closed by the server")
    error.__cause__ = cause
    assert describe_error(error) == words


@pytest.fixture
def address():
    """The URL of a port that nobody listens on, or of one where nobody ever answers."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    yield held, f"http://127.0.0.1:{held.getsockname()[1]}"
    held.close()


@pytest.mark.parametrize("listens", [False, True])
async def test_the_engine_ends_the_run(tmp_path, monkeypatch, address, listens):
    """A closed port and a server that accepts and says nothing: a typed error, with the reason."""
    monkeypatch.setattr(connect_diagnosis, "PATIENCE_S", 1)
    monkeypatch.setattr("gauntlet.scenarios.client.session._REQUEST_NS", NS_PER_S // 2)
    held, url = address
    if listens:
        held.listen(100)
    scenario = from_builtins(
        {
            "version": 1, "name": "x", "about": "x",
            "load": {"users": 2, "ramp": "100ms", "steady": "60s"},
        }
    )  # fmt: skip
    load = LoadFile(scenario, RunDir.create(tmp_path, "x", 1), [url], 1)
    engine = Engine(load, Stripe())
    for _ in range(2):
        engine.commands.append(engine.add_user)
    with pytest.raises(StackError, match="no answer in time" if listens else "connection refused"):
        await asyncio.wait_for(engine.run(), 10)
    rows = [row["kind"] for row in read_jsonl(load.run.events / "load-0.jsonl")]
    assert "unreachable" in rows
    assert "reconciliation" not in rows
