"""The seeded bugs through the whole server, on both stacks: gateways, services, databases."""

import asyncio
import http.client
import itertools
import json
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from gauntlet.chaos.server_hooks.bugs import BUGS

from . import clients as users

pytestmark = pytest.mark.integration


class Client:
    """Logs in and calls the gateways, by default in turn."""

    def __init__(self, api):
        self._api = api
        self._turn = itertools.cycle(range(len(api)))
        login = self.ask("POST", "/v1/sessions", {"user": "a", "device": "d"})
        self._token = login["token"]

    _token = ""

    def ask(self, method, path, body=None, gateway=None):
        """One call; the decoded answer of a success."""
        at = next(self._turn) if gateway is None else gateway
        connection = http.client.HTTPConnection(urlsplit(self._api[at]).netloc, timeout=5)
        try:
            headers = {"Authorization": f"Bearer {self._token}"}
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        assert response.status < 300, answer
        return answer

    def send(self, client_msg_id, gateway):
        """Send into the conversation of a and b."""
        body = {"client_msg_id": client_msg_id, "body": client_msg_id}
        return self.ask("POST", "/v1/conversations/d.a.b/messages", body, gateway)

    def history(self, after=0, gateway=1):
        """[(position, body)] behind a cursor."""
        path = f"/v1/conversations/d.a.b/messages?after={after}"
        return [(it["seq"], it["body"]) for it in self.ask("GET", path, None, gateway)["messages"]]

    def await_stored(self, count):
        """The bug commits late: wait for that many messages."""
        deadline = time.monotonic() + 5
        while len(stored := self.history()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return stored


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def buggy(request, cluster):
    """A stack with all bugs of the message service at once, since booting one takes long."""
    hooks = {"message": [bug.module for bug in BUGS.values() if "message" in bug.services]}
    return request.param, cluster(request.param, startup_hooks=hooks, edges=1)


def test_the_bugs_of_the_message_service_are_visible_to_clients(buggy):
    """Retries are stored twice, cursors skip, and a kill takes what was answered."""
    stack, cluster = buggy
    client = Client(cluster.api)
    client.send("m1", gateway=0)
    assert client.await_stored(1) == [(1, "m1")]

    # retry_mints_new_id: a repeat through the other gateway, which never saw the first try.
    client.send("m1", gateway=1)
    assert client.await_stored(2) == [(1, "m1"), (2, "m1")]

    # resync_skips_one: position 2 stands right behind the cursor.
    assert client.history(after=1) == []

    # ack_before_commit: the answer promises what only 300 ms later would be true.
    assert client.send("m2", gateway=0)["seq"] == 0
    victim = "message-1" if stack == "embedded" else "gateway-1"
    cluster.act(victim, "kill")
    cluster.act(victim, "start")
    time.sleep(0.5)
    assert client.history() == [(1, "m1"), (2, "m1")]


@pytest.fixture(scope="module")
def moving(cluster):
    """A stack whose edges have their bugs; only a push brings anything, no poll and no renewal."""
    hooks = {"edge": [bug.module for bug in BUGS.values() if "edge" in bug.services]}
    config = {"ping_ms": 60_000, "pong_ms": 60_000, "heads_poll_ms": 60_000}
    return cluster("embedded", startup_hooks=hooks, edges=1, config=config)


async def test_the_bugs_of_the_edge_are_visible_to_clients_that_move(moving):
    """Who was told to move misses a push unannounced; who has moved is not found any more."""
    async with aiohttp.ClientSession() as http:
        ann, bob = (
            users.Client(http, moving.api[0], "ann"),
            users.Client(http, moving.api[0], "bob"),
        )
        await ann.log_in()
        await bob.log_in()
        async with bob.online() as old:
            await ann.send("d.ann.bob", "before")
            await bob.wait_for("d.ann.bob", ["before"])
            moving.call("POST", "/cutover", {"to": "green", "drain_ms": 1000, "canaries": False})
            await users.until(lambda: any(frame.reconnect for frame in bob.got))

            # drain_drops_in_flight: the second goes out, the first does not, and no gap says so.
            await ann.send("d.ann.bob", "in flight")
            await ann.send("d.ann.bob", "after it")
            await bob.wait_for("d.ann.bob", ["before", "after it"])
            assert not any(frame.gap for frame in bob.got)

            # wrong_compare_delete: the old connection ends after the new one has come.
            green = next(frame.reconnect.url for frame in bob.got if frame.reconnect)
            moved = users.Client(http, moving.api[0], "bob")
            await moved.log_in()
            async with moved.online(green):
                await ann.send("d.ann.bob", "found")
                await moved.wait_for("d.ann.bob", ["found"])
                await old.ws.close()
                await asyncio.sleep(0.5)
                await ann.send("d.ann.bob", "not found")
                await asyncio.sleep(1.5)
                assert moved.bodies("d.ann.bob") == ["found"]
