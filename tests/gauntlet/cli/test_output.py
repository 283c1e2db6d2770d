"""Closed pipes, and terminals that cannot show the live panel."""

import subprocess
import sys

import pytest

from gauntlet.cli.output import broken_pipes_ignored
from gauntlet.cli.running import progress
from gauntlet.core.scenario.model import from_builtins

SCENARIO = from_builtins({"version": 1, "name": "x", "about": "x"})
PRINTS_AND_ENDS_WITH_SEVEN = """
import sys
from gauntlet.cli import output
with output.broken_pipes_ignored():
    for number in range(200_000):
        print(number)
        sys.stderr.write("")
sys.exit(7)
"""


def exit_code_with_closed_pipe(command):
    """Run a command, read one line of its output, close the pipe, and return its exit code."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    error = child.stderr.read().decode()
    child.stderr.close()
    return child.wait(60), error


def test_a_closed_pipe_does_not_change_the_exit_code():
    command = [sys.executable, "-P", "-c", PRINTS_AND_ENDS_WITH_SEVEN]
    assert exit_code_with_closed_pipe(command) == (7, "")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--failure-table"], ["--help"]])
def test_commands_end_with_zero_and_without_traceback_when_the_reader_leaves(arguments):
    command = [sys.executable, "-P", "-m", "gauntlet", *arguments]
    assert exit_code_with_closed_pipe(command) == (0, "")


def test_the_streams_are_restored(capsys):
    before = sys.stdout, sys.stderr
    with broken_pipes_ignored():
        print("shown")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "shown\n"


PRINTS_WHAT_LATIN_1_LACKS = """
from gauntlet.cli import output
with output.broken_pipes_ignored():
    print("\\u5289 \\ud800")
"""


@pytest.mark.parametrize(
    ("encoding", "printed"), [("latin-1", rb"\u5289 \ud800"), ("utf-8", b"\xe5\x8a\x89 \\ud800")]
)
def test_what_the_terminal_cannot_show_is_escaped(encoding, printed):
    """The name of a user, or half of a character that a message contains."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PRINTS_WHAT_LATIN_1_LACKS],
        env={"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert done.stdout.strip() == printed


SHOWS_NINETY_SECONDS = """
from gauntlet.cli.running import progress
from gauntlet.core.scenario.model import from_builtins
scenario = from_builtins({"version": 1, "name": "x", "about": "x"})
live = dict(connections=200, sent=25500, acked=25500, ack_p99_ms=5.6, delivery_p99_ms=8.4)
view = progress.choose(scenario, plain=False)
with view:
    view.phase("steady")
    for second in range(90):
        view.tick(live, float(second))
"""


def test_forced_colours_without_a_terminal_do_not_select_the_live_panel():
    """CI systems set FORCE_COLOR; every frame of the panel would go into their log."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", SHOWS_NINETY_SECONDS],
        env={"FORCE_COLOR": "1"},
        capture_output=True,
        check=True,
    )
    assert len(done.stdout) < 8_000
    assert done.stdout.count(b"sent 25,500") == 18


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.choose(SCENARIO, plain=False), progress.PlainView)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress.choose(SCENARIO, plain=False), progress.LiveView)
