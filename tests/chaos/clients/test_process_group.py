"""Commands of a scenario, as real processes: exit codes, time limits, output."""

import os
import stat
import sys
import threading
import time

import psutil
import pytest

from gauntlet.chaos.clients import process_group


@pytest.fixture
def run(tmp_path):
    """Run a Python script as a command."""

    def run(script, **options):
        options = {"timeout_s": 60, "environment": dict(os.environ), **options}
        command = [sys.executable, "-c", script]
        return process_group.run(command, output=tmp_path / "out.log", **options)

    return run


def test_a_command_succeeds_with_exit_code_0(run):
    result = run("print('done')")
    assert (result.exit_code, result.reason, result.output) == (0, "", "done")


def test_another_exit_code_is_the_reason_of_a_failure(run):
    result = run("import sys; sys.exit('no such container')")
    assert (result.exit_code, result.reason) == (1, "exit code 1")
    assert result.output == "no such container"


def test_a_command_that_does_not_exist_is_a_failure(tmp_path):
    result = process_group.run(
        ["/no/such/program"], timeout_s=1, environment={}, output=tmp_path / "out.log"
    )
    assert result.exit_code is None
    assert result.reason.startswith("/no/such/program cannot be started")


def test_the_whole_group_is_killed_at_the_time_limit(tmp_path):
    """A shell, which starts its child within milliseconds, also on a busy machine."""
    result = process_group.run(
        ["sh", "-c", "sleep 60 & echo $!; wait"],
        timeout_s=3,
        environment=dict(os.environ),
        output=tmp_path / "out.log",
    )
    assert result.reason == "no end within 3 s"
    grandchild = int(result.output)
    deadline = time.monotonic() + 60
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(grandchild)


def alive(pid):
    """Whether a process runs, and is no zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_server_that_a_command_leaves_behind_goes_on(run, tmp_path):
    """It keeps the output of the command open, which must neither block the run nor end it."""
    script = (
        "import subprocess, sys;"
        "script = 'import time\\nfor _ in range(600): print(\"x\", flush=True); time.sleep(0.1)';"
        "print(subprocess.Popen([sys.executable, '-c', script]).pid, flush=True)"
    )
    result = run(script)
    # The server may write before the command does.
    server = psutil.Process(int(next(word for word in result.output.split() if word.isdigit())))
    try:
        assert result.exit_code == 0
        time.sleep(0.5)
        assert alive(server.pid)
    finally:
        server.kill()


def test_a_command_can_be_stopped(run):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    result = run("import time; time.sleep(60)", stop=stop)
    assert result.reason == "killed because the run was stopped"


def test_only_the_first_bytes_of_the_output_are_evidence(run, tmp_path):
    result = run("print('x' * 5000)")
    assert result.output == "x" * process_group.SHOWN_BYTES
    file = tmp_path / "out.log"
    assert file.stat().st_size == 5001
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_command_that_never_stops_writing_is_killed(run):
    result = run("while True: print('x' * 10000)")
    assert "wrote more than" in result.reason


def test_a_command_gets_exactly_the_given_environment(run):
    result = run(
        "import os; print(os.environ.get('A'), 'PATH' in os.environ)", environment={"A": "1"}
    )
    assert result.output == "1 False"
