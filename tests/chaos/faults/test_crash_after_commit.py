"""crash-after-commit: armed by a signal, proven by the process's last words."""

import json
from dataclasses import replace

import pytest

from gauntlet.chaos.faults import _processes, crash_after_commit
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.crash_after_commit import CrashAfterCommit
from gauntlet.core.errors import StackError

WORDS = "committed and not published: d.a.b 7"


def line(logger, message):
    """One line of a component's log."""
    return json.dumps({"t_s": 1.0, "level": "WARNING", "logger": logger, "message": message}) + "\n"


@pytest.fixture
def context(world, monkeypatch, tmp_path):
    """A world with a log, in which an earlier crash has left its words."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(crash_after_commit, "process_state", lambda _: "gone")
    log = tmp_path / "message-1.log"
    log.write_text(
        line(
            "gauntlet.chaos.server_hooks.faults.crash_after_commit",
            "committed and not published: old 1",
        )
    )
    return replace(world.context, logs=tmp_path)


def say(context, logger, message):
    """Append to the log."""
    with (context.logs / "message-1.log").open("a") as log:
        log.write(line(logger, message))


def test_it_is_armed_and_dies_with_words(world, spec, context):
    """SIGUSR1 through the control API; what it had committed is the proof; the heal starts it."""
    fault = CrashAfterCommit(spec("crash-after-commit", "message"))
    assert fault.inject(context) == {"components": ["message-1"]}
    say(context, "gauntlet.chaos.server_hooks.faults.crash_after_commit", WORDS)
    assert fault.prove(context) == {
        "message-1": {"pid": 102, "process": "gone", "last_words": WORDS}
    }
    assert fault.heal(context) == {"started": ["message-1"]}
    assert world.control.calls == [("USR1", "message-1"), ("start", "message-1")]


@pytest.mark.parametrize(
    ("logger", "message"),
    [
        ("reference_server", WORDS),
        ("gauntlet.chaos.server_hooks.faults.crash_after_commit", "armed"),
    ],
)
def test_an_end_without_these_words_is_no_proof(spec, context, logger, message):
    """Killed some other way; an earlier crash's words are not this one's."""
    fault = CrashAfterCommit(spec("crash-after-commit", "message"))
    fault.inject(context)
    say(context, logger, message)
    with pytest.raises(FaultFailed):
        fault.prove(context)


def test_a_living_process_is_no_proof(spec, context, monkeypatch):
    """Words alone kill nobody."""
    monkeypatch.setattr(crash_after_commit, "process_state", lambda _: "running")
    fault = CrashAfterCommit(spec("crash-after-commit", "message"))
    fault.inject(context)
    say(context, "gauntlet.chaos.server_hooks.faults.crash_after_commit", WORDS)
    with pytest.raises(FaultFailed):
        fault.prove(context)


def test_without_logs_nothing_is_injected(world, spec):
    """It could not be proven."""
    with pytest.raises(StackError, match="logs"):
        CrashAfterCommit(spec("crash-after-commit", "message")).inject(world.context)
    assert world.control.calls == []
