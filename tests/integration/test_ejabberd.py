"""ejabberd: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, LOST, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "ejabberd"
IN_MEMORY = {"storage": "memory"}
# The first logins to an ejabberd that has just started take several seconds.
LATE_KILL = KILL | {"at": "12s"}


@small_runs.kept(
    case("steady", {}, slow=True),
    case("cut", {}, faults=[CUT]),
    case("away", {}, workload=AWAY, slow=True),
    case("no-resume-cut", {"resume": False}, faults=[CUT], slow=True),
    case("memory-steady", IN_MEMORY, slow=True),
)
def test_what_ejabberd_keeps_is_found_kept(run_small, server, faults, load):
    run_small(server, *faults, **load).assert_kept()


@small_runs.lost(
    case("memory-kill", IN_MEMORY, LOST, faults=[LATE_KILL], steady="20s"),
    # Mnesia writes its tables to the disk some seconds after ejabberd has acknowledged a message.
    case("disk-kill", {}, LOST, faults=[LATE_KILL], steady="20s", slow=True),
)
def test_what_ejabberd_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)
