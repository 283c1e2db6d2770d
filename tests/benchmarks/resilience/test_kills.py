"""Random kills and stops of a real server, examined by independent clients."""

import os
import random

import pytest

from benchmarks.resilience import campaigns, death_scenarios, deaths, kills
from benchmarks.resilience.examination import LOST

pytestmark = pytest.mark.integration

SEED = "GAUNTLET_KILL_SEED"
SERVICES = {"embedded": ("redis",), "full": ("redis", "rabbitmq", "postgres")}


@pytest.mark.parametrize(
    "stack",
    [
        pytest.param("embedded", marks=[pytest.mark.ci, pytest.mark.timeout(400)]),
        pytest.param("full", marks=[pytest.mark.full, pytest.mark.timeout(600)]),
    ],
)
def test_twenty_kills_and_stops_break_no_promise(stack, require_service):
    for service in SERVICES[stack]:
        require_service(service)
    seed = int(os.environ.get(SEED) or random.randrange(2**31))
    record = kills.run(stack, seed, 20)
    shown = f"{SEED}={seed}\n" + "\n".join(campaigns.described(record))
    assert not campaigns.is_bad(record), shown
    assert record.count + len(record.errors) >= 20, shown
    assert record.acked > 200, shown
    assert record.connections > 32, shown


@pytest.mark.full
@pytest.mark.timeout(400)
def test_the_clients_notice_a_server_that_acknowledges_too_early(require_service):
    require_service("redis")
    record = kills.run(
        "embedded", 1, 20, hooks=["gauntlet.chaos.server_hooks.bugs.ack_before_commit"]
    )
    assert record.violations[LOST] > 0


@pytest.mark.ci
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_left_of_a_run_whose_process_was_killed(seed, require_service):
    for service in SERVICES[death_scenarios.stack_of(seed)]:
        require_service(service)
    with deaths.trial("faults", seed) as trial:
        record = trial.run()
    assert (record.left, record.recover_code) == ((), 0), record
