"""Members are removed and added again under load, on the reference server."""

from contextlib import AsyncExitStack

import aiohttp
import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

from .clients import Client, wait_until

pytestmark = pytest.mark.integration
LOAD = {
    "users": 16, "workload": {"member_changes": {"size": 8, "removals": "12/m", "offline": "3s"}},
    "rate": "30/s", "ramp": "3s", "steady": "15s", "lag_budget_ms": 1000,
}  # fmt: skip


def run(folder, **target):
    """Run the load on a target; return the exit code."""
    file = folder / "changes.yaml"
    scenario = {"version": 1, "name": "changes", "about": "x", "target": target, "load": LOAD}
    file.write_text(yaml.safe_dump(scenario))
    return main.main(["run", str(file), "--plain", "--out", str(folder / "runs")])


def test_nothing_is_lost_and_nobody_reads_what_they_may_not(tmp_path):
    code = run(tmp_path, stack="embedded")
    (path,) = (tmp_path / "runs").iterdir()
    result = RunDir.open(path).read_result()
    verdicts = {check["id"]: check["verdict"] for check in result["checks"]}
    assert "invalid" not in verdicts.values(), result["verdict"]
    assert code in (Exit.OK, Exit.INCONCLUSIVE), result["verdict"]
    assert [verdicts[name] for name in ("undelivered", "misdelivery", "access")] == ["valid"] * 3


def test_an_adapter_without_the_capability_is_refused_before_the_load(tmp_path, capsys):
    code = run(tmp_path, adapter="mqtt", stack="external", url=["ws://127.0.0.1:9"])
    assert code == Exit.CONFIG
    assert "member_changes" in capsys.readouterr().err


# So long that no test waits for a poll: what is pushed has arrived by the bus.
NO_POLLS = {"heads_poll_ms": 3_600_000, "heads_poll_degraded_ms": 3_600_000}


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def without_polls(request, cluster):
    """A server of each stack whose edges do not poll for what they have missed."""
    return cluster(request.param, edges=1, config=NO_POLLS)


@pytest.mark.parametrize("is_sender_online", [False, True], ids=["offline", "online"])
async def test_a_user_just_added_is_pushed_messages_without_a_poll_of_the_heads(
    without_polls, is_sender_online
):
    """Whether or not another member is connected to the same edge; also after a removal."""
    api, tag = without_polls.api[0], "online" if is_sender_online else "offline"
    async with aiohttp.ClientSession() as http, AsyncExitStack() as connections:
        ann, bob = Client(http, api, f"ann-{tag}"), Client(http, api, f"bob-{tag}")
        for user in (ann, bob):
            await user.log_in()
        room = f"r.{ann.user}"
        await ann.call("PUT", f"/v1/rooms/{room}/members/{ann.user}")
        await ann.send(room, "before")
        await connections.enter_async_context(bob.online())
        if is_sender_online:
            await connections.enter_async_context(ann.online())
        expected = []
        for number in range(3):
            await ann.call("PUT", f"/v1/rooms/{room}/members/{bob.user}")
            expected.append(f"to bob {number}")
            await ann.send(room, expected[-1])
            await bob.wait_for(room, expected)
            await ann.call("DELETE", f"/v1/rooms/{room}/members/{bob.user}")
            await ann.send(room, f"not to bob {number}")
        removals = 3 * [bob.user]
        await wait_until(lambda: bob.events(room, "removed") == removals)
        assert bob.bodies(room) == expected
        assert bob.events(room, "added") == removals
