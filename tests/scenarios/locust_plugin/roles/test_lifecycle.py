"""The course of a run in the process that decides about it."""

import pytest

from gauntlet.core.errors import Exit

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts a process that imports Locust

PREAMBLE = """
import json, os
import gevent
from argparse import Namespace
from locust.env import Environment

os.environ["GAUNTLET_LOAD"] = "load.json"
from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.locust_plugin.roles.lifecycle import RunLifecycle

class SlowRole(RunLifecycle):
    def _boot_and_begin(self):
        gevent.sleep(0.3)
        raise ConfigError("only 1 of 2 expected workers can take part")
    def _begin(self, file): ...
    def _has_ended(self): return False
    def _drain(self, *, ended_early): return set()
    def _abort(self): ...
    def _worker_count(self): return 1

environment = Environment(parsed_options=Namespace(headless=True, run_time=0.1))
runner = environment.create_local_runner()
runner.state = "running"  # Locust's own state while it fires `test_start`
role = SlowRole(environment)
environment.events.test_stopping.add_listener(lambda **_: role.finish())
"""


def test_a_start_that_fails_after_the_run_time_ends_locust():
    """The end does not wait for a start that is itself waiting for the end."""
    result = run_script(
        """
        start = gevent.spawn(role.start)
        start.join(timeout=30)
        print(json.dumps({"ended": start.dead, "exit_code": environment.process_exit_code}))
        """,
        PREAMBLE,
    )
    assert result == {"ended": True, "exit_code": Exit.CONFIG}
