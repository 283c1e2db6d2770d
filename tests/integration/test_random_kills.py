"""`kill -9` of any process at any moment under load: no acknowledged message is lost.

Which process dies when, and for how long, follows from a seed. A failure prints it: run the test
again with `GAUNTLET_KILL_SEED=<seed>`.
"""

import os
import random
import subprocess
from pathlib import Path

import pytest

from gauntlet.core.errors import Exit
from gauntlet.stacks import subprocesses

from .failures import SERVICES

pytestmark = pytest.mark.integration

SEED = "GAUNTLET_KILL_SEED"
COMPONENTS = {
    "embedded": (
        "gateway-1",
        "gateway-2",
        "message-1",
        "room-1",
        "social-1",
        "edge-blue-1",
        "edge-blue-2",
        "registry",
        "broker",
    ),
    "full": (
        "gateway-1",
        "gateway-2",
        "room-1",
        "social-1",
        "edge-blue-1",
        "edge-blue-2",
        "registry",
        "broker",
        "messages-db",
        "users-db",
    ),
}
RAMP_S = 4.0
EVERY_S = (0.3, 3.0)  # from one kill to the next
DOWN_S = (0.2, 1.5)
# A broker or a database needs this long to come back on a busy machine; until then it is dead
# already, and there is nothing to kill.
SPARED_S = {"embedded": 6.0, "full": 20.0}
CALM_S = 6.0  # after the last: what is to come still comes

SCENARIO = """\
version: 1
name: random-kills
about: Any process dies at any moment.
seed: {seed}
target: {{stack: {stack}, server: {{ping_ms: 2000, pong_ms: 1500, grace_ms: 3000}}}}
load: {{users: 60, workload: {{direct: 2, group: {{weight: 1, size: 5}}}}, rate: 100/s,
       ramp: {ramp}s, steady: {steady:.1f}s, attempt_timeout: 2s, give_up_after: 60s,
       lag_budget_ms: 1000}}
sla:
  - {{id: nobody-exits, indicator: spurious_exits_count, op: "<=", value: 0, window: run}}
checks:
  required: [lost-acked, undelivered, duplicate, sender-fifo, wire-order, position,
             divergent-order, phantom, misdelivery, history-gap]
faults:
{faults}
"""


def scenario(seed: int, kills: int, stack: str) -> str:
    """A scenario with so many kills; two of different processes may well overlap."""
    chance = random.Random(seed)
    free_at = dict.fromkeys(COMPONENTS[stack], 0.0)
    at_s, faults = RAMP_S, []
    for number in range(kills):
        at_s += chance.uniform(*EVERY_S)
        alive = [name for name, free_s in free_at.items() if free_s <= at_s]
        if not alive:
            at_s = min(free_at.values())
            alive = [min(free_at, key=free_at.__getitem__)]
        target, down_s = chance.choice(alive), chance.uniform(*DOWN_S)
        free_at[target] = at_s + down_s + SPARED_S[stack]
        faults.append(
            f"  - {{id: kill-{number}, kind: kill, target: {target},"
            f" at: {at_s:.1f}s, for: {down_s:.1f}s}}"
        )
    steady_s = at_s + DOWN_S[1] + CALM_S
    return SCENARIO.format(
        seed=seed, stack=stack, ramp=RAMP_S, steady=steady_s, faults="\n".join(faults)
    )


@pytest.mark.parametrize(
    ("stack", "kills"),
    [
        ("embedded", 8),
        pytest.param("embedded", 50, marks=[pytest.mark.full, pytest.mark.timeout(400)]),
        pytest.param("full", 50, marks=[pytest.mark.full, pytest.mark.timeout(400)]),
    ],
)
def test_whatever_is_killed_no_acknowledged_message_is_lost(
    stack: str, kills: int, tmp_path: Path, require_service
):
    """Nor undelivered, doubled, reordered, misdelivered; and nobody is counted out of a room."""
    for service in SERVICES[stack]:
        require_service(service)
    seed = int(os.environ.get(SEED) or random.randrange(2**31))
    (tmp_path / "kills.yaml").write_text(scenario(seed, kills, stack))
    done = subprocess.run(
        subprocesses.python("gauntlet", "run", "kills.yaml", "--plain"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.OK, f"{SEED}={seed}\n{done.stdout}\n{done.stderr}"
