"""Runs a script in its own process, because Locust patches the process that imports it."""

import subprocess
import sys
import textwrap
from typing import Any

import msgspec

STATISTICS_PREAMBLE = """
import json
import numpy as np
from locust.env import Environment
from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS
from gauntlet.scenarios.locust_plugin.runtime.time_series import GAUGES
from gauntlet.scenarios.engine.engine import SecondStats
from gauntlet.scenarios.locust_plugin.runtime.statistics import SecondReport
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics

ROW = {"t_ns": 10**9, "worker": 0, "phase": "steady", **dict.fromkeys((*GAUGES, *COUNTS), 0)}
def report(response_us, rejected=0, unknown=0, worker=0):
    samples = {"response": np.array(sorted(response_us), np.int64) * 1000}
    return SecondReport.of(SecondStats(samples, rejected, unknown, ROW | {"worker": worker}))
environment = Environment()
environment.create_local_runner()
"""


def run_script(script: str, preamble: str = STATISTICS_PREAMBLE) -> Any:
    """Return the JSON that the script prints; it can use the names of the preamble."""
    child = subprocess.run(
        [sys.executable, "-P", "-c", preamble + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return msgspec.json.decode(child.stdout)
