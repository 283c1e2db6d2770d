"""crash-after-commit: armed by a signal, proven by the last line of the process's log."""

import json
from dataclasses import replace

import pytest

from gauntlet.chaos.faults import _processes, crash_after_commit
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.crash_after_commit import CrashAfterCommit
from gauntlet.core.errors import StackError

MESSAGE = "committed and not published: d.a.b 7"


def log_line(logger, message):
    """One line of a component's log."""
    return json.dumps({"t_s": 1.0, "level": "WARNING", "logger": logger, "message": message}) + "\n"


@pytest.fixture
def context(stack, monkeypatch, tmp_path):
    """A context with a log that already contains the message of an earlier crash."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(crash_after_commit, "process_state", lambda _: "gone")
    log = tmp_path / "message-1.log"
    log.write_text(
        log_line(
            "gauntlet.chaos.server_hooks.faults.crash_after_commit",
            "committed and not published: old 1",
        )
    )
    return replace(stack.context, logs=tmp_path)


def append_to_log(context, logger, message):
    """Append a line to the log of message-1."""
    with (context.logs / "message-1.log").open("a") as log:
        log.write(log_line(logger, message))


@pytest.mark.parametrize(("unanswered", "signal"), [(False, "USR1"), (True, "USR2")])
def test_the_service_is_armed_by_a_signal_and_its_last_log_line_is_the_proof(
    stack, spec, context, unanswered, signal
):
    """The signal is sent through the control API; the heal starts the service again."""
    fault = CrashAfterCommit(spec("crash-after-commit", "message", unanswered=unanswered))
    assert fault.inject(context) == {"components": ["message-1"]}
    append_to_log(context, "gauntlet.chaos.server_hooks.faults.crash_after_commit", MESSAGE)
    assert fault.prove(context) == {
        "message-1": {"pid": 102, "process": "gone", "last_words": MESSAGE}
    }
    assert fault.heal(context) == {"started": ["message-1"]}
    assert stack.control.calls == [(signal, "message-1"), ("start", "message-1")]


@pytest.mark.parametrize(
    ("logger", "message"),
    [
        ("reference_server", MESSAGE),
        ("gauntlet.chaos.server_hooks.faults.crash_after_commit", "armed"),
    ],
)
def test_a_process_that_ended_without_the_message_is_no_proof(spec, context, logger, message):
    """It was killed in another way; the message of an earlier crash does not count."""
    fault = CrashAfterCommit(spec("crash-after-commit", "message"))
    fault.inject(context)
    append_to_log(context, logger, message)
    with pytest.raises(FaultFailed):
        fault.prove(context)


def test_a_message_of_a_running_process_is_no_proof(spec, context, monkeypatch):
    monkeypatch.setattr(crash_after_commit, "process_state", lambda _: "running")
    fault = CrashAfterCommit(spec("crash-after-commit", "message"))
    fault.inject(context)
    append_to_log(context, "gauntlet.chaos.server_hooks.faults.crash_after_commit", MESSAGE)
    with pytest.raises(FaultFailed):
        fault.prove(context)


def test_without_logs_nothing_is_injected(stack, spec):
    """The fault could not be proven."""
    with pytest.raises(StackError, match="logs"):
        CrashAfterCommit(spec("crash-after-commit", "message")).inject(stack.context)
    assert stack.control.calls == []
