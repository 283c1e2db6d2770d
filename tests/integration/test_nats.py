"""NATS: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, LOST, OWED, ROOMS, UNDELIVERED, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "nats"
CORE = {"mode": "core"}


@small_runs.kept(
    case("core-steady", CORE, slow=True),
    case("core-rooms", CORE, workload=ROOMS, slow=True),
    case("jetstream-kill", {}, faults=[KILL]),
    case("jetstream-away", {}, workload=AWAY, slow=True),
    case("jetstream-cut-over-tcp", {}, faults=[CUT], transport="tcp", slow=True),
    case("jetstream-rooms", {"sync_interval": "always"}, workload=ROOMS, slow=True),
)
def test_what_nats_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("core-away", {**CORE, **OWED}, UNDELIVERED, workload=AWAY, slow=True),
    case("core-kill", {**CORE, **OWED}, UNDELIVERED, faults=[KILL]),
    case("memory-kill", {"storage": "memory"}, LOST, faults=[KILL], slow=True),
)
def test_what_nats_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
