"""The seeded bugs are visible to clients of a whole server, on both stacks."""

import asyncio
import http.client
import itertools
import json
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from gauntlet.chaos.server_hooks.bugs import BUGS

from .clients import Client, wait_until

pytestmark = pytest.mark.integration


class HttpClient:
    """A logged-in user who calls a given gateway, or the gateways in turn."""

    def __init__(self, api):
        self._api = api
        self._next_gateway = itertools.cycle(range(len(api)))
        self._token = ""
        login = self.call("POST", "/v1/sessions", {"user": "a", "device": "d"})
        self._token = login["token"]

    def call(self, method, path, body=None, gateway=None):
        """Call the API once; return the decoded response of a success."""
        index = next(self._next_gateway) if gateway is None else gateway
        connection = http.client.HTTPConnection(urlsplit(self._api[index]).netloc, timeout=5)
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
        """Send a message to the conversation of a and b."""
        body = {"client_msg_id": client_msg_id, "body": client_msg_id}
        return self.call("POST", "/v1/conversations/d.a.b/messages", body, gateway)

    def history(self, after=0, gateway=1):
        """Return the positions and bodies of the messages after a position."""
        path = f"/v1/conversations/d.a.b/messages?after={after}"
        messages = self.call("GET", path, None, gateway)["messages"]
        return [(message["seq"], message["body"]) for message in messages]

    def wait_for_stored(self, count):
        """Wait until so many messages are stored, because the bug commits late; return them."""
        deadline = time.monotonic() + 60
        while len(stored := self.history()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return stored


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def buggy(request, cluster):
    """A stack with all bugs of the message service together, because booting takes long."""
    hooks = {"message": [bug.module for bug in BUGS.values() if "message" in bug.services]}
    return request.param, cluster(request.param, startup_hooks=hooks, edges=1)


def test_the_bugs_of_the_message_service_are_visible_to_clients(buggy):
    """Retries are stored twice, re-syncs skip a message, and acknowledged messages are lost."""
    stack, cluster = buggy
    client = HttpClient(cluster.api)
    client.send("m1", gateway=0)
    assert client.wait_for_stored(1) == [(1, "m1")]

    # retry_mints_new_id: the retry goes to the other gateway, which has not seen the first attempt.
    client.send("m1", gateway=1)
    assert client.wait_for_stored(2) == [(1, "m1"), (2, "m1")]

    # resync_skips_one: position 2 is the first one after the cursor.
    assert client.history(after=1) == []

    # ack_before_commit: the message would be committed 300 ms after its acknowledgement.
    assert client.send("m2", gateway=0)["seq"] == 0
    victim = "message-1" if stack == "embedded" else "gateway-1"
    cluster.act(victim, "kill")
    cluster.act(victim, "start")
    time.sleep(0.5)
    assert client.history() == [(1, "m1"), (2, "m1")]


@pytest.fixture(scope="module")
def buggy_edges(cluster):
    """A stack whose edges have their bugs, without the polls and renewals that would hide them."""
    hooks = {"edge": [bug.module for bug in BUGS.values() if "edge" in bug.services]}
    config = {"ping_ms": 60_000, "pong_ms": 60_000, "heads_poll_ms": 60_000}
    return cluster("embedded", startup_hooks=hooks, edges=1, config=config)


async def test_the_bugs_of_the_edge_are_visible_to_clients_that_move(buggy_edges):
    """During the move a push is lost without a gap; after it, the user receives no pushes."""
    api = buggy_edges.api[0]
    async with aiohttp.ClientSession() as http:
        ann, bob = Client(http, api, "ann"), Client(http, api, "bob")
        await ann.log_in()
        await bob.log_in()
        async with bob.online() as old:
            await ann.send("d.ann.bob", "before")
            await bob.wait_for("d.ann.bob", ["before"])
            request = {"to": "green", "drain_ms": 1000, "canaries": False}
            buggy_edges.call("POST", "/cutover", request)
            await wait_until(lambda: any(frame.reconnect for frame in bob.received))

            # drain_drops_in_flight: the first of two messages is not pushed, and no gap reports it.
            await ann.send("d.ann.bob", "in flight")
            await ann.send("d.ann.bob", "after it")
            await bob.wait_for("d.ann.bob", ["before", "after it"])
            assert not any(frame.gap for frame in bob.received)

            # wrong_compare_delete: the old connection ends after the new one was registered.
            green = next(frame.reconnect.url for frame in bob.received if frame.reconnect)
            moved = Client(http, api, "bob")
            await moved.log_in()
            async with moved.online(green):
                await ann.send("d.ann.bob", "found")
                await moved.wait_for("d.ann.bob", ["found"])
                await old.ws.close()
                await asyncio.sleep(0.5)
                await ann.send("d.ann.bob", "not found")
                await asyncio.sleep(1.5)
                assert moved.bodies("d.ann.bob") == ["found"]
