"""The message service between its callers, the store and the fan-out."""

import asyncio
import json
from functools import partial
from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.core.wire import direct_members
from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.http.service_client import BUNDLE_PATH
from gauntlet.reference_server.services import message as message_module
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store import append_plan, open_messages
from gauntlet.reference_server.store.base import StoreDown, StoreError, StoreUncertain

pytestmark = pytest.mark.sources

PATH = "/v1/conversations/d.ann.bob/messages"


class FakeFanout:
    """Records the entries that are offered."""

    def __init__(self):
        self.offered = []

    def offer(self, entries, members):
        self.offered.append(([entry.seq for entry in entries], members))

    async def close(self):
        pass


@pytest.fixture
async def service(tmp_path):
    """A message service on a SQLite file, with a fake fan-out."""
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
    """Return the status and the decoded response of a call."""
    request = Request("POST", path, json.dumps(body).encode(), user=user)
    response = await service.router.handle(request)
    return response.status, json.loads(response.body)


def message(client_msg_id="1"):
    """Return the body of a message."""
    return {"client_msg_id": client_msg_id, "body": "x"}


async def test_a_committed_message_is_offered_once_to_all_members(service):
    """A repeated message is not offered."""
    await post(service, PATH, message())
    await post(service, PATH, message())
    [(seqs, members)] = service._fanout.offered
    assert (seqs, set(members["d.ann.bob"])) == ([1], {"ann", "bob"})


async def test_bundled_sends_get_the_responses_that_they_would_get_alone(service):
    bodies = [message("1"), message("1"), {"client_msg_id": "2"}, message("3")]
    sends = [Request("POST", PATH, json.dumps(body).encode(), user="ann") for body in bodies]
    sends.append(Request("POST", PATH, sends[0].body, user="eve"))
    bundle = Request("POST", BUNDLE_PATH, msgspec.msgpack.encode(sends))
    response = await service.router.handle(bundle)
    answers = msgspec.msgpack.decode(response.body, type=list[Response])
    assert [each.status for each in answers] == [201, 200, 400, 201, 403]
    assert [json.loads(each.body).get("seq") for each in answers] == [1, 1, None, 2, None]


async def change_membership(service, event, user, key):
    """Let Ann change the membership of a room."""
    body = {"conv": "r.x", "event": event, "user": user, "key": key, "by": "ann"}
    assert (await post(service, "/internal/events", body))[0] == 200


async def read(service, user, **query):
    """Return status, positions and head of what a user reads in the room."""
    query = {name: str(value) for name, value in query.items()}
    request = Request("GET", "/v1/conversations/r.x/messages", query=query, user=user)
    response = await service.router.handle(request)
    body = json.loads(response.body)
    return response.status, [each["seq"] for each in body.get("messages", ())], body.get("head")


def interleave(monkeypatch, service, action):
    """Run `action` between the first two reads of the store that a call makes."""
    started = []

    async def read_then_act(real, *args):
        answer = await real(*args)
        if not started:
            started.append(True)
            await action()
        return answer

    for name in ("entries", "member_since"):
        monkeypatch.setattr(
            service._store, name, partial(read_then_act, getattr(service._store, name))
        )


@pytest.mark.parametrize("is_back", [False, True])
async def test_a_removed_member_cannot_read_what_was_committed_afterwards(
    service, monkeypatch, is_back
):
    """Even if the removal happens during the read. A user who is added again reads from then on."""
    for user in ("ann", "bob"):
        await change_membership(service, "added", user, user)

    async def removal():
        await change_membership(service, "removed", "bob", "out")
        await post(service, "/v1/conversations/r.x/messages", message())
        if is_back:
            await change_membership(service, "added", "bob", "again")

    interleave(monkeypatch, service, removal)
    assert await read(service, "bob") == ((200, [5], 5) if is_back else (403, [], None))


async def test_history_begins_at_the_first_position_of_the_member(service):
    """For every `after`, with full pages and the head."""
    await change_membership(service, "added", "ann", "ann")
    for number in range(3):
        await post(service, "/v1/conversations/r.x/messages", message(str(number)))
    await change_membership(service, "added", "bob", "bob")
    await post(service, "/v1/conversations/r.x/messages", message("last"))
    assert await read(service, "bob", limit=1) == (200, [5], 6)
    assert await read(service, "bob", after=5) == (200, [6], 6)
    assert await read(service, "ann") == (200, [1, 2, 3, 4, 5, 6], 6)
    assert (await read(service, "eve"))[0] == 403


async def test_the_removal_is_the_last_entry_that_a_removed_member_is_offered(service):
    for event, user in (("added", "ann"), ("added", "bob"), ("removed", "bob")):
        body = {"conv": "r.x", "event": event, "user": user, "key": event + user, "by": "ann"}
        assert (await post(service, "/internal/events", body))[0] == 200
    await post(service, "/v1/conversations/r.x/messages", message())
    audiences = [set(members["r.x"]) for _, members in service._fanout.offered]
    assert audiences == [{"ann"}, {"ann", "bob"}, {"ann", "bob"}, {"ann"}]


@pytest.mark.parametrize(
    ("failure", "stored"), [(StoreDown, "no"), (StoreUncertain, "unknown"), (KeyError, "unknown")]
)
async def test_only_a_failure_before_commit_is_definitely_not_stored(service, failure, stored):

    async def append(batch):
        raise failure

    service._store.append = append
    status, body = await post(service, PATH, message())
    assert (status >= 500, body["error"]["stored"]) == (True, stored)
    assert service._fanout.offered == []


@pytest.mark.parametrize("conv", ["d.bob.ann", "d.ann.ann", "r.", "x", "d.ann.bob\0"])
async def test_an_invalid_conversation_id_is_not_found_and_creates_nothing(service, conv):
    status, _ = await post(service, f"/v1/conversations/{conv}/messages", message())
    assert status == 404
    assert (await service._store.heads_since(0)).heads == {}


@pytest.mark.parametrize(("size", "status", "kept"), [(64, 200, 1), (65, 404, 0)])
async def test_an_overlong_conversation_id_is_not_cached(service, size, status, kept):
    """Otherwise clients could fill the memory."""
    ann, bob = "a" * size, "b" * size
    direct_members.cache_clear()
    path = f"/v1/conversations/d.{ann}.{bob}/messages"
    assert (await service.router.handle(Request("GET", path, user=ann))).status == status
    assert direct_members.cache_info().currsize == kept


async def test_an_unknown_room_event_is_rejected(service):
    """It must not fail the batch of other requests."""
    body = {"conv": "r.x", "event": "exploded", "user": "ann", "key": "k"}
    assert (await post(service, "/internal/events", body))[0] == 400


async def test_a_known_sticker_is_sent_and_an_unknown_one_is_refused(service):
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
async def test_a_message_needs_exactly_one_of_body_and_sticker_without_nul(service, body):
    service._policy._stickers = frozenset({"cats/hello"})
    assert (await post(service, PATH, {"client_msg_id": "1", **body}))[0] == 400


async def test_an_empty_body_is_accepted(service):
    assert (await post(service, PATH, {"client_msg_id": "1", "body": ""}))[0] == 201


async def test_a_retry_of_a_stored_message_succeeds_although_new_sends_are_refused(service):
    service._policy._stickers = frozenset({"cats/hello"})
    body = {"client_msg_id": "1", "sticker": "cats/hello"}
    _, sent = await post(service, PATH, body)
    service._policy._stickers = None
    assert await post(service, PATH, body) == (200, {**sent, "dup": True})
    assert (await post(service, PATH, {**body, "client_msg_id": "2"}))[0] == 503
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    assert await post(service, PATH, body) == (200, {**sent, "dup": True})
    assert (await post(service, PATH, message("2")))[0] == 403


async def test_a_refused_message_creates_no_conversation(service):
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    assert (await post(service, PATH, message()))[0] == 403
    assert (await service._store.heads_since(0)).heads == {}


async def test_a_block_refuses_the_blocked_sender_in_the_direct_conversation_only(service):
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    status, refused = await post(service, PATH, message())
    assert (status, refused["error"]["code"], refused["error"]["stored"]) == (
        403,
        "forbidden",
        "no",
    )
    assert (await post(service, PATH, message(), user="bob"))[1]["seq"] == 1
    for user in ("ann", "bob"):
        event = {"conv": "r.x", "event": "added", "user": user, "key": user, "by": "ann"}
        await post(service, "/internal/events", event)
    assert (await post(service, "/v1/conversations/r.x/messages", message()))[0] == 201


def addition(conv, user, by="ann"):
    """Return the body of a room event that makes a user a member."""
    return {"conv": conv, "event": "added", "user": user, "key": f"{conv}{user}", "by": by}


async def test_nobody_can_fill_the_rooms_of_another_user(service, monkeypatch):
    """Their heads could not be read any more. They can still found rooms, up to another limit."""
    monkeypatch.setattr(append_plan, "ADDED_ROOMS_MAX", 2)
    monkeypatch.setattr(append_plan, "ROOMS_MAX", 3)
    for number in range(3):
        await post(service, "/internal/events", addition(f"r.{number}", "ann"))
    status, refused = await post(service, "/internal/events", addition("r.3", "ann"))
    assert (status, refused["error"]["stored"]) == (403, "no")
    added = [
        (await post(service, "/internal/events", addition(f"r.{number}", "bob")))[0]
        for number in (0, 1, 2, 0)
    ]
    assert added == [200, 200, 403, 200]  # the last one is a repetition
    founded = [
        (await post(service, "/internal/events", addition(f"r.bob{number}", "bob", "bob")))[0]
        for number in (0, 1)
    ]
    assert founded == [200, 403]
    assert "r.bob1" not in (await service._store.heads_since(0)).heads


async def list_heads(service, user, path="/v1/heads", **query):
    """Return the status of a call for a page of heads, and its body."""
    request = Request("GET", path, query=query, user=user)
    response = await service.router.handle(request)
    return response.status, json.loads(response.body)


async def test_the_heads_of_a_user_are_listed_in_pages(service):
    """Others decide how many there are: one answer could become too large to be read."""
    convs = [f"d.ann.u{number}" for number in range(5)]
    for conv in convs:
        await post(service, f"/v1/conversations/{conv}/messages", message())
    pages, query = [], {"limit": "2"}
    while True:
        status, page = await list_heads(service, "ann", **query)
        assert status == 200
        pages.append(page["heads"])
        if "next" not in page:
            break
        query["after"] = page["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {conv: head for page in pages for conv, head in page.items()} == dict.fromkeys(convs, 1)
    assert await list_heads(service, "ann") == (200, {"heads": dict.fromkeys(convs, 1)})
    assert await list_heads(service, "ann", limit="0") == (200, {"heads": {}})
    status, page = await list_heads(service, "", "/internal/users/ann/heads", after=convs[2])
    assert (status, page["heads"]) == (200, dict.fromkeys(convs[3:], 1))


@pytest.mark.parametrize("after", ["x", "d.b.a", "r.\0", "r." + "x" * 65, "d.a." + "b" * 200])
@pytest.mark.parametrize("path", ["/v1/heads", "/internal/users/ann/heads"])
async def test_a_page_of_heads_begins_behind_a_conversation(service, path, after):
    """PostgreSQL, for example, knows no text with U+0000."""
    status, answer = await list_heads(service, "ann", path, after=after)
    assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_strangers_cannot_fill_the_direct_conversations_of_a_user(service, monkeypatch):
    """Their heads could not be read any more. They can still begin others, up to another limit."""
    monkeypatch.setattr(append_plan, "BEGUN_DIRECTS_MAX", 2)
    monkeypatch.setattr(append_plan, "DIRECTS_MAX", 3)

    async def write(conv, user, number="1"):
        return await post(service, f"/v1/conversations/{conv}/messages", message(number), user)

    begun = [await write(f"d.bob.s{number}", f"s{number}") for number in range(3)]
    assert [status for status, _ in begun] == [201, 201, 403]
    assert begun[2][1]["error"]["stored"] == "no"
    assert (await write("d.bob.t", "bob"))[0] == 201
    assert (await write("d.bob.s0", "s0", "2"))[0] == 201


async def test_a_user_cannot_be_added_by_whom_they_block(service):
    service._policy._blockers = {"d.ann.bob": ["bob"]}
    await post(service, "/internal/events", addition("r.x", "ann"))
    assert (await post(service, "/internal/events", addition("r.x", "bob")))[0] == 403
    await post(service, "/internal/events", addition("r.y", "bob", "bob"))
    assert (await post(service, "/internal/events", addition("r.y", "ann", "bob")))[0] == 200


async def test_few_pages_are_read_at_the_same_time(service, monkeypatch):
    """A page can have several megabytes, and many at once would fill the memory."""
    reading, most, entries = set(), [0], service._store.entries

    async def counted(*args):
        reading.add(task := asyncio.current_task())
        most[0] = max(most[0], len(reading))
        await asyncio.sleep(0.01)
        reading.discard(task)
        return await entries(*args)

    await post(service, PATH, message())
    monkeypatch.setattr(service._store, "entries", counted)
    calls = [service.router.handle(Request("GET", PATH, user="ann")) for _ in range(50)]
    responses = await asyncio.gather(*calls)
    assert {response.status for response in responses} == {200}
    assert most == [message_module.PAGES_MAX]


async def test_the_trail_has_what_was_accepted_until_its_commit(service, monkeypatch):
    trail = service._trail = Trail(
        Config(name="m", services=("message",), port=1, secret="s", internal_token="i")
    )
    await post(service, PATH, message("1"))
    monkeypatch.setattr(service._commits, "submit", failing_submit)
    await post(service, PATH, message("2"))
    rows = [row for row in trail.rows() if row["row"] not in ("process", "end")]
    assert rows == [
        {"row": "accepted", "conv": "d.ann.bob", "sender": "ann", "id": "2"},
        {"row": "committed", "conv": "d.ann.bob", "seqs": [[1, 1]]},
    ]


async def failing_submit(_request):
    """Fail without an answer of the store."""
    raise StoreUncertain


async def test_a_page_of_large_messages_says_that_it_ended_early(service, monkeypatch):
    """A page that is short for another reason does not: that would hide what is missing."""
    monkeypatch.setattr(message_module, "PAGE_CHARS_MAX", 4)
    for number in range(3):
        await post(service, PATH, {"client_msg_id": f"c{number}", "body": "12345"})
    for query, more in (({"limit": "2"}, True), ({"limit": "3"}, False)):
        response = await service.router.handle(Request("GET", PATH, user="bob", query=query))
        assert json.loads(response.body).get("more", False) is more
    monkeypatch.setattr(message_module, "PAGE_CHARS_MAX", 1000)
    response = await service.router.handle(Request("GET", PATH, user="bob", query={"limit": "2"}))
    assert "more" not in json.loads(response.body)


async def test_a_page_whose_turn_does_not_come_is_refused(service, monkeypatch):
    """Reads must not pile up behind a database that hangs, and run when their callers have left."""
    monkeypatch.setattr(message_module, "PAGE_WAIT_S", 0.05)
    service._pages = asyncio.Semaphore(1)
    await service._pages.acquire()
    with pytest.raises(StoreDown):
        await service.read("d.ann.bob", 0, 10)
    service._pages.release()
    assert await service.read("d.ann.bob", 0, 10) == ([], 0)
    assert await service.read("d.ann.bob", 0, 10) == ([], 0)


class FailingStore:
    """A store whose writes fail while `error` is set, and whose reads succeed."""

    def __init__(self, store):
        self._store = store
        self.error = None

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def append(self, batch):
        if self.error:
            raise self.error
        return await self._store.append(batch)

    async def try_write(self):
        if self.error:
            raise self.error
        await self._store.try_write()


@pytest.fixture
def failing(service, monkeypatch):
    """The store of the service, which can be made to fail."""
    store = FailingStore(service._store)
    service._store = service._commits._store = store
    return store


@pytest.mark.parametrize("error", [StoreDown(), StoreUncertain(), StoreError()])
async def test_a_service_whose_commits_fail_is_not_ready_although_reads_succeed(
    service, failing, error
):
    await service._probe_database()
    failing.error = error
    assert (await post(service, PATH, {"client_msg_id": "1", "body": "x"}))[0] >= 500
    for _ in range(2):
        with pytest.raises(StoreDown):
            await service._probe_database()
    failing.error = None
    assert (await post(service, PATH, {"client_msg_id": "1", "body": "x"}))[0] == 201
    await service._probe_database()


async def test_without_further_sends_a_write_decides_whether_the_service_is_ready_again(
    service, failing, monkeypatch
):
    failing.error = StoreDown()
    await post(service, PATH, {"client_msg_id": "1", "body": "x"})
    monkeypatch.setattr(message_module, "FAILING_S", 0.0)
    with pytest.raises(StoreDown):
        await service._probe_database()
    failing.error = None
    await service._probe_database()
    assert service._commits.failed_s is None


async def test_a_message_that_is_refused_leaves_the_service_ready(service):
    status, _ = await post(
        service, "/v1/conversations/r.none/messages", {"client_msg_id": "1", "body": "x"}
    )
    assert status == 403
    await service._probe_database()


@pytest.mark.parametrize(("since", "status"), [(2**63 - 1, 200), (2**63, 400)])
async def test_a_watermark_that_the_database_cannot_hold_is_a_bad_request(service, since, status):
    request = Request("GET", "/internal/heads", query={"since": str(since)})
    assert (await service.router.handle(request)).status == status
