"""Friends, blocks and stickers among real processes, and chat without the services behind them."""

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
# The poll that makes blocks effective takes a second; the rest is for a busy machine.
PATIENCE_S = 20


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def server(request, cluster):
    """A whole reference server of each kind, with two gateways."""
    return cluster(request.param, edges=1)


class User:
    """Somebody who is logged in; his calls take turns among the gateways."""

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
        """Status and decoded answer of one attempt."""
        async with self._http.request(
            method, next(self._api) + path, json=body, headers=self._headers
        ) as answer:
            return answer.status, await answer.json()

    async def send(self, conv, **content):
        """One attempt to send a new message."""
        message = {"client_msg_id": secrets.token_hex(8), **content}
        return await self.call("POST", f"/v1/conversations/{conv}/messages", message)

    async def history(self, conv):
        return (await self.call("GET", f"/v1/conversations/{conv}/messages"))[1]["messages"]

    @asynccontextmanager
    async def online(self):
        """The pushes of messages, as they come."""
        async with connect(self._url, subprotocols=["im.v1.json"], compression=None) as socket:
            hello = {"token": self._token, "device": "d0", "cursors": {}}
            await socket.send(json.dumps({"connect": hello}))
            assert "connected" in json.loads(await socket.recv())

            async def messages():
                async for data in socket:
                    if message := json.loads(data).get("msg"):
                        yield message

            yield messages()


@pytest.fixture
async def pair(server):
    """Two users with names of their own, and the conversation between them."""
    tag = secrets.token_hex(3)
    async with aiohttp.ClientSession() as http:
        ann = await User(http, server, f"ann-{tag}").log_in()
        bob = await User(http, server, f"bob-{tag}").log_in()
        yield ann, bob, f"d.{ann.name}.{bob.name}"


async def until(attempt):
    """Repeat an attempt until it says True."""
    deadline = time.monotonic() + PATIENCE_S
    while not await attempt():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def always(user, conv, status):
    """Whether attempts to send through each gateway are answered with a status."""

    async def attempt():
        answers = [await user.send(conv, body="x") for _ in range(2)]
        return [each for each, _ in answers] == [status, status]

    return attempt


async def test_friends_chat_until_one_blocks_the_other(pair):
    """Request, accept, talk; a block refuses the other, until its owner ends it."""
    ann, bob, conv = pair
    assert await ann.call("PUT", f"/v1/friends/{bob.name}") == (200, {"state": "requested"})
    assert (await bob.call("GET", "/v1/friends"))[1]["incoming"] == [ann.name]
    assert await bob.call("PUT", f"/v1/friends/{ann.name}") == (200, {"state": "friends"})
    assert (await ann.call("GET", "/v1/friends"))[1]["friends"] == [bob.name]
    assert (await ann.send(conv, body="hello"))[0] == 201
    assert (await bob.call("PUT", f"/v1/friends/{ann.name}/block"))[0] == 200
    assert (await ann.call("GET", "/v1/friends"))[1]["friends"] == []
    await until(always(ann, conv, 403))
    head = len(await bob.history(conv))
    refused = (await ann.send(conv, body="x"))[1]["error"]
    assert (refused["code"], refused["temporary"], refused["stored"]) == ("forbidden", False, "no")
    assert len(await bob.history(conv)) == head
    assert (await bob.send(conv, body="I still may"))[0] == 201
    assert (await bob.call("DELETE", f"/v1/friends/{ann.name}/block"))[0] == 200
    await until(always(ann, conv, 201))


async def test_a_room_is_open_to_those_who_block_each_other(pair):
    """A block is a matter of two."""
    ann, bob, conv = pair
    room = f"r.{ann.name}"
    await bob.call("PUT", f"/v1/friends/{ann.name}/block")
    await until(always(ann, conv, 403))
    await bob.call("PUT", f"/v1/rooms/{room}/members/{bob.name}")
    await bob.call("PUT", f"/v1/rooms/{room}/members/{ann.name}")
    assert (await ann.send(room, body="x"))[0] == 201


async def test_a_sticker_arrives_where_messages_do(pair):
    """On the other's connection and in history; what is in no pack does not."""
    ann, bob, conv = pair
    packs = (await ann.call("GET", "/v1/stickers"))[1]["packs"]
    assert (await ann.call("GET", "/v1/stickers/cats"))[1] == {"stickers": packs["cats"]}
    assert (await ann.call("GET", "/v1/stickers/dogs"))[0] == 404
    sticker = f"cats/{packs['cats'][0]}"
    async with bob.online() as pushes:
        status, sent = await ann.send(conv, sticker=sticker)
        assert status == 201
        async with asyncio.timeout(PATIENCE_S):
            pushed = await anext(pushes)
        assert (pushed["seq"], pushed["body"], pushed["sticker"]) == (sent["seq"], "", sticker)
        status, refused = await ann.send(conv, sticker="cats/none")
        assert (status, refused["error"]["stored"]) == (404, "no")
        assert (await ann.send(conv, body="after"))[0] == 201
        async with asyncio.timeout(PATIENCE_S):
            pushed = await anext(pushes)
        assert (pushed["body"], "sticker" in pushed) == ("after", False)
    read = await bob.history(conv)
    assert [(each["body"], each.get("sticker")) for each in read] == [
        ("", sticker),
        ("after", None),
    ]


async def test_chat_goes_on_without_friends_and_stickers(server, pair):
    """Their calls fail or are degraded; blocks and stickers that were known still count."""
    ann, bob, conv = pair
    cat = f"d.{bob.name}.cat"  # a name that sorts after his
    await ann.call("PUT", f"/v1/friends/{bob.name}/block")
    await until(always(bob, conv, 403))
    (social,) = {each["name"] for each in server.plan["components"] if each["role"] == "social"}
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
                async with asyncio.timeout(PATIENCE_S):
                    pushed = await anext(pushes)
                assert (pushed["sender"], {**pushed, **content}) == (ann.name, pushed)
        assert (await bob.send(conv, body="x"))[0] == 403
        assert (await bob.send(cat, body="x"))[0] == 201
    finally:
        server.act(social, "start")

    async def unblocked():
        return (await ann.call("DELETE", f"/v1/friends/{bob.name}/block"))[0] == 200

    await until(unblocked)
    await until(always(bob, conv, 201))
