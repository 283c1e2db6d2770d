"""Matrix on Synapse: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, LOST, ROOMS, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "synapse"
IN_MEMORY = {"storage": "memory"}
# Synapse takes some seconds to start again.
SLOW_START = {"rate": "15/s", "steady": "25s"}


@small_runs.kept(
    case("steady", {}, slow=True),
    case("cut", {}, faults=[CUT]),
    case("away", {}, workload=AWAY, slow=True),
    case("rooms", {}, workload=ROOMS, faults=[CUT], slow=True),
    case("disk-kill", {}, faults=[KILL], slow=True, **SLOW_START),
    case("memory-steady", IN_MEMORY, slow=True),
)
def test_what_synapse_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("memory-kill", IN_MEMORY, LOST, faults=[KILL], slow=True, **SLOW_START),
)
def test_what_synapse_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
