"""Centrifugo: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, LOST, OWED, ROOMS, UNDELIVERED, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "centrifugo"
FORGETS = {"history": False}


@small_runs.kept(
    case("steady", {}, slow=True),
    case("cut", {}, faults=[CUT]),
    case("away", {}, workload=AWAY, slow=True),
    case("rooms", {}, workload=ROOMS, faults=[CUT], slow=True),
    case("no-history-steady", {**FORGETS, **OWED}, slow=True),
    case("no-history-away-is-not-owed", FORGETS, workload=AWAY, slow=True),
    case("no-history-rooms", FORGETS, workload=ROOMS, slow=True),
)
def test_what_centrifugo_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("memory-kill", {}, LOST, faults=[KILL]),
    case("no-history-away", {**FORGETS, **OWED}, UNDELIVERED, workload=AWAY),
    case("no-history-cut", {**FORGETS, **OWED}, UNDELIVERED, faults=[CUT], slow=True),
)
def test_what_centrifugo_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
