"""Socket.IO: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, OWED, ROOMS, UNDELIVERED, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "socketio"
FORGETS = {"recovery": False}


@small_runs.kept(
    case("steady", {}, slow=True),
    case("cut", {}, faults=[CUT]),
    case("rooms", {}, workload=ROOMS, faults=[CUT], slow=True),
    case("no-recovery-steady", {**FORGETS, **OWED}, slow=True),
    case("no-recovery-cut-is-not-owed", FORGETS, faults=[CUT], slow=True),
    case("no-recovery-rooms", FORGETS, workload=ROOMS, slow=True),
)
def test_what_socketio_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("kill", {}, UNDELIVERED, faults=[KILL]),
    case("no-recovery-cut", {**FORGETS, **OWED}, UNDELIVERED, faults=[CUT]),
    case("no-recovery-away", {**FORGETS, **OWED}, UNDELIVERED, workload=AWAY, slow=True),
)
def test_what_socketio_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
