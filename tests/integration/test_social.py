"""Friends, blocks and stickers in a real cluster, and chat while their services are down."""

import asyncio
import itertools
import json
import secrets
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from websockets.asyncio.client import connect

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]
# Blocks become effective by a poll every second; the rest is a margin for a busy machine.
TIMEOUT_S = 20


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def server(request, cluster):
    """A whole reference server of each stack, with two gateways."""
    return cluster(request.param, edges=1)


class User:
    """A logged-in user, whose calls go to the gateways in turn."""

    def __init__(self, http, server, name):
        self.name, self._http = name, http
        self._api = itertools.cycle(server.api)

    async def log_in(self):
        login = {"user": self.name, "device": "d0"}
        self._headers = {}
        session = (await self.call("POST", "/v1/sessions", login))[1]
        self._headers = {"Authorization": f"Bearer {session['token']}"}
        self._token, self._url = session["token"], session["connect"]["url"]
        return self

    async def call(self, method, path, body=None):
        """Call the API once; return the status and the decoded response."""
        async with self._http.request(
            method, next(self._api) + path, json=body, headers=self._headers
        ) as answer:
            return answer.status, await answer.json()

    async def send(self, conv, **content):
        """Try once to send a new message."""
        message = {"client_msg_id": secrets.token_hex(8), **content}
        return await self.call("POST", f"/v1/conversations/{conv}/messages", message)

    async def history(self, conv):
        return (await self.call("GET", f"/v1/conversations/{conv}/messages"))[1]["messages"]

    @asynccontextmanager
    async def online(self):
        """Connect; yield an iterator over the pushed messages."""
        async with connect(self._url, subprotocols=["im.v1.json"], compression=None) as socket:
            connect_frame = {"token": self._token, "device": "d0", "cursors": {}}
            await socket.send(json.dumps({"connect": connect_frame}))
            assert "connected" in json.loads(await socket.recv())

            async def messages():
                async for data in socket:
                    if message := json.loads(data).get("msg"):
                        yield message

            yield messages()


@pytest.fixture
async def pair(server):
    """Two users with unique names, and the conversation between them."""
    tag = secrets.token_hex(3)
    async with aiohttp.ClientSession() as http:
        ann = await User(http, server, f"ann-{tag}").log_in()
        bob = await User(http, server, f"bob-{tag}").log_in()
        yield ann, bob, f"d.{ann.name}.{bob.name}"


async def wait_until(condition):
    """Wait until an asynchronous condition is true."""
    deadline = time.monotonic() + TIMEOUT_S
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def wait_for_status(user, conv, status):
    """Wait until sends through both gateways are answered with a status."""

    async def both_answer():
        answers = [await user.send(conv, body="x") for _ in range(2)]
        return [answer_status for answer_status, _ in answers] == [status, status]

    await wait_until(both_answer)


async def test_a_blocked_friend_cannot_send_until_the_block_is_lifted(pair):
    ann, bob, conv = pair
    assert await ann.call("PUT", f"/v1/friends/{bob.name}") == (200, {"state": "requested"})
    assert (await bob.call("GET", "/v1/friends"))[1]["incoming"] == [ann.name]
    assert await bob.call("PUT", f"/v1/friends/{ann.name}") == (200, {"state": "friends"})
    assert (await ann.call("GET", "/v1/friends"))[1]["friends"] == [bob.name]
    assert (await ann.send(conv, body="hello"))[0] == 201
    assert (await bob.call("PUT", f"/v1/friends/{ann.name}/block"))[0] == 200
    assert (await ann.call("GET", "/v1/friends"))[1]["friends"] == []
    await wait_for_status(ann, conv, 403)
    head = len(await bob.history(conv))
    refused = (await ann.send(conv, body="x"))[1]["error"]
    assert (refused["code"], refused["temporary"], refused["stored"]) == ("forbidden", False, "no")
    assert len(await bob.history(conv)) == head
    assert (await bob.send(conv, body="I still may"))[0] == 201
    assert (await bob.call("DELETE", f"/v1/friends/{ann.name}/block"))[0] == 200
    await wait_for_status(ann, conv, 201)


async def test_a_block_has_no_effect_in_rooms(pair):
    ann, bob, conv = pair
    room = f"r.{ann.name}"
    await bob.call("PUT", f"/v1/friends/{ann.name}/block")
    await wait_for_status(ann, conv, 403)
    await bob.call("PUT", f"/v1/rooms/{room}/members/{bob.name}")
    await bob.call("PUT", f"/v1/rooms/{room}/members/{ann.name}")
    assert (await ann.send(room, body="x"))[0] == 201


async def test_a_sticker_is_pushed_and_stored_and_an_unknown_one_is_refused(pair):
    ann, bob, conv = pair
    packs = (await ann.call("GET", "/v1/stickers"))[1]["packs"]
    assert (await ann.call("GET", "/v1/stickers/cats"))[1] == {"stickers": packs["cats"]}
    assert (await ann.call("GET", "/v1/stickers/dogs"))[0] == 404
    sticker = f"cats/{packs['cats'][0]}"
    async with bob.online() as pushes:
        status, sent = await ann.send(conv, sticker=sticker)
        assert status == 201
        async with asyncio.timeout(TIMEOUT_S):
            pushed = await anext(pushes)
        assert (pushed["seq"], pushed["body"], pushed["sticker"]) == (sent["seq"], "", sticker)
        status, refused = await ann.send(conv, sticker="cats/none")
        assert (status, refused["error"]["stored"]) == (404, "no")
        assert (await ann.send(conv, body="after"))[0] == 201
        async with asyncio.timeout(TIMEOUT_S):
            pushed = await anext(pushes)
        assert (pushed["body"], "sticker" in pushed) == ("after", False)
    entries = await bob.history(conv)
    assert [(entry["body"], entry.get("sticker")) for entry in entries] == [
        ("", sticker),
        ("after", None),
    ]


async def test_known_blocks_and_stickers_still_work_while_their_services_are_down(server, pair):
    """Calls of these services fail or are degraded, and other messages are delivered."""
    ann, bob, conv = pair
    cat = f"d.{bob.name}.cat"  # this name sorts after Bob's
    await ann.call("PUT", f"/v1/friends/{bob.name}/block")
    await wait_for_status(bob, conv, 403)
    components = server.plan["components"]
    (social,) = {component["name"] for component in components if component["role"] == "social"}
    server.act(social, "kill")
    try:
        for method, path in (("GET", "/v1/friends"), ("PUT", f"/v1/friends/{bob.name}")):
            status, refused = await bob.call(method, path)
            assert (status, refused["error"]["temporary"]) == (503, True)
        status, listed = await bob.call("GET", "/v1/stickers")
        assert listed["error"]["temporary"] if status == 503 else listed["degraded"]
        async with bob.online() as pushes:
            for content in ({"body": "x"}, {"sticker": "cats/cat-hello"}):
                assert (await ann.send(conv, **content))[0] == 201
                async with asyncio.timeout(TIMEOUT_S):
                    pushed = await anext(pushes)
                assert (pushed["sender"], {**pushed, **content}) == (ann.name, pushed)
        assert (await bob.send(conv, body="x"))[0] == 403
        assert (await bob.send(cat, body="x"))[0] == 201
    finally:
        server.act(social, "start")

    async def block_is_lifted():
        return (await ann.call("DELETE", f"/v1/friends/{bob.name}/block"))[0] == 200

    await wait_until(block_is_lifted)
    await wait_for_status(bob, conv, 201)
