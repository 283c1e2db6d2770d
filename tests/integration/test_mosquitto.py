"""Mosquitto: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, OWED, ROOMS, UNDELIVERED, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "mosquitto"
KEEPS = {"qos": 1, "persistent": True}
FORGETS = {"qos": 1, "persistence": False}


@small_runs.kept(
    case("qos-0-steady", {"qos": 0}, slow=True),
    case("qos-0-away-is-not-owed", {"qos": 0}, workload=AWAY, slow=True),
    case("qos-1-away", KEEPS, workload=AWAY),
    case("qos-1-cut-over-tcp", KEEPS, faults=[CUT], transport="tcp", slow=True),
    case("qos-2-cut", {"qos": 2}, faults=[CUT]),
    case("qos-2-rooms", {"qos": 2}, workload=ROOMS, slow=True),
)
def test_what_mosquitto_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("qos-0-away", {"qos": 0, **OWED}, UNDELIVERED, workload=AWAY),
    case("qos-0-cut", {"qos": 0, **OWED}, UNDELIVERED, faults=[CUT], slow=True),
    case("qos-1-memory-kill", FORGETS, UNDELIVERED, faults=[KILL]),
)
def test_what_mosquitto_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
