"""A target to which no user can connect ends the run soon, with the reason."""

import asyncio
import socket

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import StackError
from gauntlet.core.run_directory import Journal, RunDir, read_jsonl
from gauntlet.core.scenario.model import Fault, from_builtins
from gauntlet.core.scenario.moments import AfterEvent, FixedTime
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
    """A clock that is set by hand, in seconds."""

    s = 100.0

    def __call__(self):
        """The time, in nanoseconds."""
        return int(self.s * NS_PER_S)


def diagnosis_of(clock, *faults_at_s):
    """A diagnosis with faults planned at these times, in seconds from now."""
    faults = [Fault(id="f", kind="kill", target="edge", at=FixedTime(at_s)) for at_s in faults_at_s]
    return ConnectDiagnosis([API], faults, clock)


def test_a_fault_that_follows_an_event_is_no_reason_to_wait_for_it():
    """Nothing can follow 500 acks while no user has connected."""
    clock = Clock()
    fault = Fault(id="f", kind="kill", target="edge", at=AfterEvent("500 acks", by_s=60.0))
    diagnosis = ConnectDiagnosis([API], [fault], clock)
    diagnosis.record_attempt()
    diagnosis.record_failure("connection refused")
    clock.s += PATIENCE_S + 0.1
    assert diagnosis.should_give_up


def test_the_load_gives_up_after_its_patience_with_every_kind_of_failure_and_its_count():
    clock = Clock()
    diagnosis = diagnosis_of(clock)
    diagnosis.record_attempt()
    for _ in range(84):
        diagnosis.record_failure("connection refused")
    diagnosis.record_failure("HTTP 503")
    clock.s += PATIENCE_S - 0.1
    assert not diagnosis.should_give_up
    clock.s += 0.1
    assert diagnosis.should_give_up
    assert diagnosis.summary == (
        f"no user could connect to {API} in {PATIENCE_S} s: "
        "connection refused (84 times), HTTP 503 (once)"
    )


def test_one_user_who_connected_is_enough():
    """Later failures are judged by the checks."""
    clock = Clock()
    diagnosis = diagnosis_of(clock)
    diagnosis.record_attempt()
    diagnosis.connected = True
    clock.s += 100
    assert not diagnosis.should_give_up
    assert not diagnosis.never_connected


def test_the_patience_counts_from_the_first_attempt():
    """Users may connect late by plan."""
    clock = Clock()
    diagnosis = diagnosis_of(clock)
    clock.s += 100
    assert not diagnosis.should_give_up
    assert not diagnosis.never_connected


@pytest.mark.parametrize(("fault_at_s", "gives_up"), [(1, False), (10, True)])
def test_failures_that_begin_after_a_fault_do_not_end_the_run(fault_at_s, gives_up):
    clock = Clock()
    diagnosis = diagnosis_of(clock, 30, fault_at_s)
    diagnosis.record_attempt()
    clock.s += 2
    diagnosis.record_failure("connection refused")
    clock.s += PATIENCE_S
    assert diagnosis.should_give_up is gives_up
    assert diagnosis.never_connected


def test_the_number_of_remembered_reasons_is_bounded():
    """A server may give another reason in each refusal."""
    diagnosis = diagnosis_of(Clock())
    diagnosis.record_attempt()
    for number in range(1000):
        diagnosis.record_failure(f"kind {number}")
    assert len(diagnosis._failures) < 50


def test_the_row_is_written_only_for_an_unreachable_target(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    journal = Journal(run, "load-0")
    reached, unreached = diagnosis_of(Clock()), diagnosis_of(Clock())
    for each in (reached, unreached):
        each.record_attempt()
        each.record_failure("connection refused")
    reached.connected = True
    for each in (reached, unreached):
        each.write(journal)
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
def test_failures_of_a_kind_are_described_without_addresses_and_numbers(cause, words):
    error = TransportError("closed by the server")
    error.__cause__ = cause
    assert describe_error(error) == words


@pytest.fixture
def address():
    """A bound socket that does not listen yet, and its URL."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    yield held, f"http://127.0.0.1:{held.getsockname()[1]}"
    held.close()


@pytest.mark.parametrize("listens", [False, True])
async def test_the_engine_ends_a_run_in_which_no_user_can_connect(
    tmp_path, monkeypatch, address, listens
):
    monkeypatch.setattr(connect_diagnosis, "PATIENCE_S", 1)
    monkeypatch.setattr("gauntlet.scenarios.client.login._LOGIN_TIMEOUT_NS", NS_PER_S // 2)
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
        engine.command(engine.add_user)
    with pytest.raises(StackError, match="no answer in time" if listens else "connection refused"):
        await asyncio.wait_for(engine.run(), 60)
    rows = [row["kind"] for row in read_jsonl(load.run.events / "load-0.jsonl")]
    assert "unreachable" in rows
    assert "reconciliation" not in rows
