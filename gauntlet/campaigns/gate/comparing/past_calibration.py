"""Finds the last calibration of the same scenarios on this machine, among earlier gates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gauntlet.campaigns import record_files
from gauntlet.campaigns.gate.outcome import FILE, SCHEMA_VERSION, Gate, PastCalibration
from gauntlet.core.errors import ConfigError
from gauntlet.reports.comparison import machines

# Further ones are hardly of the machine as it is now, and reading them takes time.
_GATES_MAX = 100


def last(
    out: Path, suite: str, machine: Mapping[str, Any], digests: Mapping[str, str]
) -> PastCalibration | None:
    """Return the last calibration of a suite below a folder; None if there is none that fits.

    It fits if it ran on a machine of this size and had the same scenarios. Files that cannot be
    read are left out: a page that lacks a calibration is better than a gate that does not run.
    """
    # The names begin with the time.
    files = sorted(out.glob(f"*-{suite}-0-*/{FILE}"), key=lambda file: file.parent.name)
    for file in reversed(files[-_GATES_MAX:]):
        try:
            gate = record_files.read_whole(file, Gate, SCHEMA_VERSION, "the result of a gate", "")
        except ConfigError:
            continue
        own = {scenario.name: scenario.digest for scenario in gate.scenarios}
        same = not machines.differing_sizes(gate.machine, machine)
        if gate.mode == "calibration" and gate.calibration and same and own == digests:
            return PastCalibration(gate.id, gate.started, gate.calibration)
    return None
