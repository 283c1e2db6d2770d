"""Runs a script in a process of its own: Locust patches the process that imports it."""

import subprocess
import sys
import textwrap
from typing import Any

import msgspec

PREAMBLE = """
import json
import numpy as np
from locust.env import Environment
from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS
from gauntlet.scenarios.locust_plugin.runtime.time_series import GAUGES
from gauntlet.scenarios.engine.engine import SecondStats
from gauntlet.scenarios.locust_plugin.runtime.statistics import Report
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics

ROW = {"t_ns": 10**9, "worker": 0, "phase": "steady", **dict.fromkeys((*GAUGES, *COUNTS), 0)}
def second(response_us, rejected=0, unknown=0, worker=0):
    samples = {"response": np.array(sorted(response_us), np.int64) * 1000}
    return SecondStats(samples, rejected, unknown, ROW | {"worker": worker})
environment = Environment()
environment.create_local_runner()
"""


def told(script: str) -> Any:
    """What the script prints, as JSON; it finds `environment`, `second` and their imports."""
    shown = subprocess.run(
        [sys.executable, "-P", "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return msgspec.json.decode(shown.stdout)
