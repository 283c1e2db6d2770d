"""wrong_compare_delete: removing one lease removes all leases of its user; on a real Redis."""

import asyncio
import subprocess
import time

import pytest

from gauntlet.chaos.server_hooks.bugs import wrong_compare_delete
from gauntlet.reference_server import registry
from gauntlet.reference_server.registry.base import EdgeLease, Lease, RegistryDown
from gauntlet.reference_server.registry.redis import RedisRegistry
from gauntlet.stacks.free_port import free_port

pytestmark = pytest.mark.integration

BLUE = EdgeLease("edge-blue-1", "blue", "edges.blue", "001", 2)
GREEN = EdgeLease("edge-green-1", "green", "edges.green", "001", 1)
OLD, NEW = Lease("ann", "edge-blue-1|001-1"), Lease("ann", "edge-green-1|001-1")
BOB = Lease("bob", "edge-blue-1|001-2")


@pytest.fixture
def url(require_service, tmp_path):
    """The URL of a redis-server that is started for the test, on a free port."""
    port = free_port()
    program = require_service("redis")["path"]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (tmp_path / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    yield f"redis://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture
async def client(url):
    """A registry that both environments have filled."""
    client = registry.connect(url, lease_ms=60_000)
    deadline = time.monotonic() + 60
    while True:
        try:
            await client.generation()
            break
        except RegistryDown:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    await client.put_edge(BLUE)
    await client.put_edge(GREEN)
    await client.put([OLD, NEW, BOB])
    yield client
    await client.close()


async def queues_after_the_old_connection_ended(client):
    """Where Ann and Bob are found after Ann has moved from blue to green."""
    await client.remove([OLD])
    return await client.queues(["ann", "bob"])


async def test_the_lease_of_the_new_connection_is_removed_with_the_old_one(client, monkeypatch):
    """Nothing is published to Ann's new edge; other users are not affected."""
    monkeypatch.setattr(RedisRegistry, "remove", RedisRegistry.remove)  # restored after the test
    wrong_compare_delete.install()
    assert await queues_after_the_old_connection_ended(client) == {"bob": {"edges.blue"}}


async def test_without_the_bug_the_lease_of_the_new_connection_stays(client):
    """The unchanged registry removes exactly the given lease."""
    found = await queues_after_the_old_connection_ended(client)
    assert found == {"ann": {"edges.green"}, "bob": {"edges.blue"}}
