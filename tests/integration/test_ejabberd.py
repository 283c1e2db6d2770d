"""ejabberd: the verdict is the one that is known to be true of each configuration."""

import pytest

from . import small_runs
from .small_runs import AWAY, CUT, KILL, LOST, case

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "ejabberd"
IN_MEMORY = {"storage": "memory"}


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
    case("memory-kill", IN_MEMORY, LOST, faults=[KILL]),
)
def test_what_ejabberd_loses_is_found_lost(run_small, server, faults, load, check):
    run_small(server, *faults, **load).assert_lost(check)


@pytest.mark.full
def test_a_kill_loses_at_most_the_last_write_to_an_archive_on_disk(run_small):
    """Erlang buffers a write for up to 3 s, but ejabberd flushes the buffer before the next one."""
    run = run_small({}, KILL)
    (check,) = [check for check in run.result["checks"] if check["id"] == LOST]
    assert check["verdict"] in ("valid", "invalid"), run.result["verdict"]
    assert check["count"] <= 1, run.result["verdict"]
    assert run.counts["acked"] > small_runs.ACKED_MIN
