"""Those who follow a campaign see its progress before it ends."""

import subprocess
import sys

from gauntlet.campaigns.progress import say


def test_a_line_is_in_the_pipe_before_the_process_ends():
    script = """
from gauntlet.campaigns.progress import say
say("1/2 nats/core/steady: pass")
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "1/2 nats/core/steady: pass\n"
        process.communicate("\n")
    assert process.returncode == 0


def test_what_a_server_answered_does_not_control_the_terminal(capsys):
    say("f1-kill: failed: \x1b[2Jall is well")
    assert capsys.readouterr().out == "f1-kill: failed: �[2Jall is well\n"
