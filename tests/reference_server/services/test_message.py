"""The message service between its callers, the store and the fan-out."""

import json
from functools import partial
from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import direct_members
from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.http.service_client import BUNDLE_PATH
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store import open_messages
from gauntlet.reference_server.store.base import StoreDown, StoreUncertain

PATH = "/v1/conversations/d.ann.bob/messages"


class FakeFanout:
    """Notes what is offered."""

    def __init__(self):
        self.offered = []

    def offer(self, entries, members):
        self.offered.append(([entry.seq for entry in entries], members))

    async def close(self):
        pass


@pytest.fixture
async def service(tmp_path):
    """A message service on a real file, with nothing behind the fan-out."""
    config = Config(
        name="message-1",
        services=("message",),
        port=1,
        secret="s",
        internal_token="i",
    )
    store = open_messages(f"sqlite://{tmp_path}/m.db", 1000)
    context = ServiceContext(config, Metrics(), None)
    message_service = MessageService(context, store, SimpleNamespace(edges=None), None)
    message_service._fanout = FakeFanout()
    yield message_service
    await message_service.close()
    await store.close()


async def post(service, path, body, user="ann"):
    """Status and decoded answer of a call."""
    request = Request("POST", path, json.dumps(body).encode(), user=user)
    response = await service.router.handle(request)
    return response.status, json.loads(response.body)


def send(client_msg_id="1"):
    """A message's body."""
    return {"client_msg_id": client_msg_id, "body": "x"}


async def test_what_is_committed_is_offered_to_all_members_once(service):
    """A repeat is not."""
    await post(service, PATH, send())
    await post(service, PATH, send())
    [(seqs, members)] = service._fanout.offered
    assert (seqs, set(members["d.ann.bob"])) == ([1], {"ann", "bob"})


async def test_a_bundle_is_many_sends(service):
    """Stored, repeated or refused: each as if it had come alone, in the order of the bundle."""
    bodies = [send("1"), send("1"), {"client_msg_id": "2"}, send("3")]
    sends = [Request("POST", PATH, json.dumps(body).encode(), user="ann") for body in bodies]
    sends.append(Request("POST", PATH, sends[0].body, user="eve"))
    whole = Request("POST", BUNDLE_PATH, msgspec.msgpack.encode(sends))
    response = await service.router.handle(whole)
    answers = msgspec.msgpack.decode(response.body, type=list[Response])
    assert [each.status for each in answers] == [201, 200, 400, 201, 403]
    assert [json.loads(each.body).get("seq") for each in answers] == [1, 1, None, 2, None]


async def change(service, event, user, key):
    """Ann changes who belongs to the room."""
    body = {"conv": "r.x", "event": event, "user": user, "key": key, "by": "ann"}
    assert (await post(service, "/internal/events", body))[0] == 200


async def read(service, user, **query):
    """Status, positions and head of what a user reads of the room."""
    query = {name: str(value) for name, value in query.items()}
    request = Request("GET", "/v1/conversations/r.x/messages", query=query, user=user)
    response = await service.router.handle(request)
    body = json.loads(response.body)
    return response.status, [each["seq"] for each in body.get("messages", ())], body.get("head")


def meanwhile(monkeypatch, service, then):
    """Let something be committed between the first two reads of the store that a call makes."""
    did = []

    async def first(real, *args):
        answer = await real(*args)
        if not did:
            did.append(True)
            await then()
        return answer

    for name in ("entries", "member_since"):
        monkeypatch.setattr(service._store, name, partial(first, getattr(service._store, name)))


@pytest.mark.parametrize("is_back", [False, True])
async def test_what_was_said_after_a_removal_is_not_read(service, monkeypatch, is_back):
    """Not even by one who was a member when he asked; if he is one again, from then on."""
    for user in ("ann", "bob"):
        await change(service, "added", user, user)

    async def removal():
        await change(service, "removed", "bob", "out")
        await post(service, "/v1/conversations/r.x/messages", send())
        if is_back:
            await change(service, "added", "bob", "again")

    meanwhile(monkeypatch, service, removal)
    assert await read(service, "bob") == ((200, [5], 5) if is_back else (403, [], None))


async def test_history_begins_with_the_membership(service):
    """Whatever is asked for; a whole page of it comes, and the head."""
    await change(service, "added", "ann", "ann")
    for number in range(3):
        await post(service, "/v1/conversations/r.x/messages", send(str(number)))
    await change(service, "added", "bob", "bob")
    await post(service, "/v1/conversations/r.x/messages", send("last"))
    assert await read(service, "bob", limit=1) == (200, [5], 6)
    assert await read(service, "bob", after=5) == (200, [6], 6)
    assert await read(service, "ann") == (200, [1, 2, 3, 4, 5, 6], 6)
    assert (await read(service, "eve"))[0] == 403


async def test_one_who_was_removed_is_told(service):
    """His removal is the last that he sees."""
    for event, user in (("added", "ann"), ("added", "bob"), ("removed", "bob")):
        body = {"conv": "r.x", "event": event, "user": user, "key": event + user, "by": "ann"}
        assert (await post(service, "/internal/events", body))[0] == 200
    await post(service, "/v1/conversations/r.x/messages", send())
    audiences = [set(members["r.x"]) for _, members in service._fanout.offered]
    assert audiences == [{"ann"}, {"ann", "bob"}, {"ann", "bob"}, {"ann"}]


@pytest.mark.parametrize(
    ("failure", "stored"), [(StoreDown, "no"), (StoreUncertain, "unknown"), (KeyError, "unknown")]
)
async def test_only_a_definite_failure_says_so(service, failure, stored):
    """Down before COMMIT left nothing; everything else may have."""

    async def append(batch):
        raise failure

    service._store.append = append
    status, body = await post(service, PATH, send())
    assert (status >= 500, body["error"]["stored"]) == (True, stored)
    assert service._fanout.offered == []


@pytest.mark.parametrize("conv", ["d.bob.ann", "d.ann.ann", "r.", "x", "d.ann.bob\0"])
async def test_what_names_no_conversation_is_not_found(service, conv):
    """And comes to be by no attempt."""
    status, _ = await post(service, f"/v1/conversations/{conv}/messages", send())
    assert status == 404
    assert (await service._store.heads_since(0)).heads == {}


@pytest.mark.parametrize(("size", "status", "kept"), [(64, 200, 1), (65, 404, 0)])
async def test_no_id_is_remembered_that_is_too_long_to_be_one(service, size, status, kept):
    """Else anybody could fill the memory with what he asks for."""
    ann, bob = "a" * size, "b" * size
    direct_members.cache_clear()
    path = f"/v1/conversations/d.{ann}.{bob}/messages"
    assert (await service.router.handle(Request("GET", path, user=ann))).status == status
    assert direct_members.cache_info().currsize == kept


async def test_an_unknown_event_is_refused(service):
    """It must not spoil a batch of others."""
    body = {"conv": "r.x", "event": "exploded", "user": "ann", "key": "k"}
    assert (await post(service, "/internal/events", body))[0] == 400


async def test_a_sticker_is_a_message_with_a_checked_reference(service):
    """It takes a position, is offered and read as what it is; an unknown one leaves nothing."""
    service._policy._stickers = frozenset({"cats/hello"})
    unknown = {"client_msg_id": "1", "sticker": "cats/bye"}
    status, refused = await post(service, PATH, unknown)
    assert (status, refused["error"]["stored"]) == (404, "no")
    status, sent = await post(service, PATH, {"client_msg_id": "1", "sticker": "cats/hello"})
    assert (status, sent["seq"]) == (201, 1)
    assert [seqs for seqs, _ in service._fanout.offered] == [[1]]
    history = await service.router.handle(Request("GET", PATH, user="bob"))
    (read,) = json.loads(history.body)["messages"]
    assert (read["type"], read["body"], read["sticker"]) == ("msg", "", "cats/hello")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"body": "x", "sticker": "cats/hello"},
        {"body": None, "sticker": None},
        {"body": "x\0"},
        {"sticker": "cats/\0"},
        {"sticker": 7},
    ],
)
async def test_a_message_has_either_a_body_or_a_sticker(service, body):
    """And neither holds what a database refuses."""
    service._policy._stickers = frozenset({"cats/hello"})
    assert (await post(service, PATH, {"client_msg_id": "1", **body}))[0] == 400


async def test_an_empty_body_is_a_message(service):
    """Absence is not emptiness."""
    assert (await post(service, PATH, {"client_msg_id": "1", "body": ""}))[0] == 201


async def test_what_was_stored_before_a_refusal_is_not_denied(service):
    """A retry whose first attempt was stored says so, though nothing new may be sent."""
    service._policy._stickers = frozenset({"cats/hello"})
    body = {"client_msg_id": "1", "sticker": "cats/hello"}
    _, sent = await post(service, PATH, body)
    service._policy._stickers = None
    assert await post(service, PATH, body) == (200, {**sent, "dup": True})
    assert (await post(service, PATH, {**body, "client_msg_id": "2"}))[0] == 503
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    assert await post(service, PATH, body) == (200, {**sent, "dup": True})
    assert (await post(service, PATH, send("2")))[0] == 403


async def test_a_refused_message_begins_no_conversation(service):
    """Not even an empty one."""
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    assert (await post(service, PATH, send()))[0] == 403
    assert (await service._store.heads_since(0)).heads == {}


async def test_a_blocked_sender_is_refused_in_direct_conversations(service):
    """Nothing is left behind, the other direction stays open, and so does a room of both."""
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    status, refused = await post(service, PATH, send())
    assert (status, refused["error"]["code"], refused["error"]["stored"]) == (
        403,
        "forbidden",
        "no",
    )
    assert (await post(service, PATH, send(), user="bob"))[1]["seq"] == 1
    for user in ("ann", "bob"):
        event = {"conv": "r.x", "event": "added", "user": user, "key": user, "by": "ann"}
        await post(service, "/internal/events", event)
    assert (await post(service, "/v1/conversations/r.x/messages", send()))[0] == 201
