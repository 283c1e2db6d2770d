"""What every engine of the messages DB promises, asked of real databases."""

import asyncio

import pytest

from gauntlet.reference_server.store.base import AppendRequest, Refused

from .wishes import event, everything, message, seqs

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_batch_gets_dense_positions_in_its_order(store):
    """Sends of one conversation in one batch keep their order, and each conversation counts."""
    batch = [message(1), message(1, "d.a.c"), message(2), message(2, "d.a.c"), message(3)]
    assert seqs(await store.append(batch)) == [1, 1, 2, 2, 3]
    stored = await everything(store, "d.a.b")
    assert [(each.seq, each.client_msg_id, each.body) for each in stored] == [
        (1, "1", "hello"),
        (2, "2", "hello"),
        (3, "3", "hello"),
    ]


async def test_a_sticker_is_kept_as_one(store):
    """Its type comes back, and its reference in the place of a body."""
    wish = AppendRequest("d.a.b", "1", sender="a", body="cats/cat-hello", type="sticker")
    [stored] = await store.append([wish])
    assert await everything(store, "d.a.b") == [stored.entry]
    assert (stored.entry.type, stored.entry.body) == ("sticker", "cats/cat-hello")


async def test_a_refused_wish_leaves_nothing_and_hides_nothing(store):
    """No conversation comes of it; among others it takes no position; a repeat is still found."""
    refused = Refused("forbidden", "blocked")
    wish = AppendRequest("d.a.b", "1", sender="a", refused=refused)
    assert await store.append([wish]) == [refused]
    assert await store.room("d.a.b") is None
    outcomes = await store.append([message(2), wish, message(3)])
    assert seqs([outcomes[0], outcomes[2]]) == [1, 2]
    assert outcomes[1] == refused
    [again] = await store.append([AppendRequest("d.a.b", "3", sender="a", refused=refused)])
    assert (again.dup, again.entry.seq) == (True, 2)


async def test_a_repeat_is_the_same_message(store):
    """A known identity gets its old position and id, in a later batch and in the same one."""
    [first] = await store.append([message(1)])
    again, new, new_again = await store.append([message(1), message(2), message(2)])
    assert (again.dup, again.entry.seq, again.entry.msg_id) == (True, 1, first.entry.msg_id)
    assert (new.dup, new_again.dup) == (False, True)
    assert new.entry.msg_id == new_again.entry.msg_id
    assert len(await everything(store, "d.a.b")) == 2


async def test_senders_have_name_spaces_of_their_own(store):
    """Two senders who choose the same identity send two messages."""
    outcomes = await store.append([message(1), message(1, sender="b")])
    assert seqs(outcomes) == [1, 2]


async def test_only_members_write(store):
    """A stranger's send is refused without harm to its neighbours."""
    stranger, member = await store.append([message(1, sender="c"), message(1)])
    assert isinstance(stranger, Refused)
    assert stranger.code == "forbidden"
    assert seqs([member]) == [1]
    assert await store.member_since("d.a.b", "c") is None
    assert await store.member_since("d.a.b", "b") == 1


async def test_a_refused_send_creates_nothing(store):
    """No conversation comes to be by one who may not write to it, or whose members misorder."""
    refused = await store.append([message(1, sender="c"), message(1, "d.b.a"), message(1, "r.x")])
    assert {outcome.code for outcome in refused} == {"not_found"}
    assert (await store.heads_since(0)).heads == {}


async def test_a_committed_message_is_there_for_all(store, open_store):
    """What was answered is read by whoever opens the database next, at once."""
    await store.append([message(1)])
    assert len(await everything(open_store(), "d.a.b")) == 1


async def test_a_range_ends_where_it_was_told_to(store):
    """`after` is exclusive, `limit` caps, and the head tells what is left."""
    await store.append([message(number) for number in range(1, 6)])
    entries, head = await store.entries("d.a.b", 1, 2)
    assert ([entry.seq for entry in entries], head) == ([2, 3], 5)
    assert await store.entries("d.a.b", 5, 10) == ([], 5)
    assert await store.entries("d.x.y", 0, 10) == ([], 0)


async def test_concurrent_senders_leave_neither_holes_nor_doubles(store, open_store):
    """Several processes and tasks that share conversations, retries among them: seq is dense."""
    stores = [store] * 2 if store.writers == 1 else [store, open_store()]
    convs = ["d.a.b", "d.a.c", "d.a.d"]

    async def send(one, sender, first):
        for number in range(first, first + 10):
            batch = [message(number, conv, sender) for conv in (convs, convs[::-1])[number % 2]]
            await one.append(batch)

    # The two tasks of each store overlap in half of their identities.
    jobs = [send(one, "a", first) for one in stores for first in (0, 5)]
    await asyncio.gather(*jobs)
    for conv in convs:
        stored = await everything(store, conv)
        assert [entry.seq for entry in stored] == list(range(1, 16))
        assert len({entry.client_msg_id for entry in stored}) == 15


async def test_the_watermark_misses_no_commit(store, open_store):
    """A poller that only ever asks from its last watermark sees every head in the end."""
    other = store if store.writers == 1 else open_store()
    await store.append([message(0, "d.a.b0")])  # the tables exist before anybody is in a hurry
    seen = {}
    done = asyncio.Event()

    async def write(one, half):
        for number in range(40):
            await one.append([message(number, f"d.a.b{half}{number % 7}")])

    async def poll():
        watermark = 0
        while True:
            last = done.is_set()
            changed = await store.heads_since(watermark)
            watermark = changed.watermark
            seen.update(changed.heads)
            if last:
                return

    poller = asyncio.create_task(poll())
    await asyncio.gather(*(write(one, half) for half, one in enumerate((store, other) * 2)))
    done.set()
    await poller
    assert seen == (await store.heads_since(0)).heads
    assert len(seen) == 29


async def test_a_late_commit_is_not_below_the_watermark(store, open_store):
    """A transaction that began before a watermark and commits after it is found from it."""
    if store.writers == 1:
        pytest.skip("one writer cannot be overtaken")
    await store.append([message(1), message(1, "d.a.c")])
    early = await store._server._ready()
    async with early.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            """UPDATE conversations SET last_seq = 99,
            changed = pg_current_xact_id()::text::bigint WHERE conv = 'd.a.b'"""
        )
        await store.append([message(2, "d.a.c")])
        first = await store.heads_since((await store.heads_of("a")).watermark)
        await transaction.commit()
    assert "d.a.b" not in {conv for conv, head in first.heads.items() if head == 99}
    assert (await store.heads_since(first.watermark)).heads["d.a.b"] == 99


async def test_a_poll_without_news_ends(store):
    """Nothing is handed out for ever: a quiet database has no changed heads."""
    await store.append([message(1)])
    changed = await store.heads_since((await store.heads_of("a")).watermark)
    assert changed.heads == {}


async def test_membership_follows_the_events(store):
    """Founding, adding and removing write events, and say who must hear of each."""
    found, add, remove = await store.append(
        [
            event("added", "a", by="a"),
            event("added", "b", by="a"),
            event("removed", "b", by="a"),
        ]
    )
    assert seqs([found, add, remove]) == [1, 2, 3]
    assert set(add.members) == set(remove.members) == {"a", "b"}
    [after] = await store.append([message(1, "r.x")])
    assert after.members == ("a",)
    room = await store.room("r.x")
    assert (room.head, room.members) == (4, {"a": 1})
    assert await store.member_since("r.x", "b") is None


async def test_membership_changes_reach_the_poll(store):
    """`members` names rooms made or regrouped since, and no others."""
    await store.append([event("added", "a", by="a"), event("added", "a", by="a", conv="r.y")])
    before = (await store.heads_of("a")).watermark
    await store.append([event("added", "b", by="a"), message(1, "r.y")])
    changed = await store.heads_since(before)
    assert {conv: set(users) for conv, users in changed.members.items()} == {"r.x": {"a", "b"}}
    assert changed.heads == {"r.x": 2, "r.y": 2}
    before = changed.watermark
    await store.append([event("removed", user, by=user) for user in ("b", "a")])
    assert (await store.heads_since(before)).members == {"r.x": []}


async def test_only_members_change_membership(store):
    """Nobody founds a room for another, or joins one by himself."""
    [refused] = await store.append([event("added", "b", by="a")])
    assert refused.code == "not_found"
    await store.append([event("added", "a", by="a")])
    joined, removed = await store.append(
        [event("added", "c", by="c"), event("removed", "a", by="c")]
    )
    assert {joined.code, removed.code} == {"forbidden"}


async def test_membership_calls_may_be_repeated(store):
    """Adding a member, or removing one who is none, writes nothing."""
    await store.append([event("added", "a", by="a")])
    again, gone = await store.append(
        [event("added", "a", by="a", key="other"), event("removed", "b", by="a")]
    )
    assert (again.dup, again.entry.seq, gone.dup) == (True, 1, True)
    assert len(await everything(store, "r.x")) == 1


async def test_an_exit_is_written_once_for_the_stay_it_names(store):
    """Repeats write nothing, and an old exit does not end the stay of a newer connection."""
    await store.append([event("added", "a", by="a")])
    enter, leave = (
        event("entered", "a", connection="e|1-1", key="enter:a:e|1-1"),
        event("exited", "a", connection="e|1-1", key="exit:a:e|1-1"),
    )
    assert seqs(await store.append([enter, enter, leave, leave])) == [2, 2, 3, 3]
    returned = event("entered", "a", connection="e|1-2", key="enter:a:e|1-2")
    await store.append([returned])
    [late] = await store.append([leave])
    assert late.dup
    assert [each.connection for each in await store.present()] == ["e|1-2"]
    kinds = [entry.event for entry in await everything(store, "r.x")]
    assert kinds == ["added", "entered", "exited", "entered"]


async def test_one_connection_may_stay_twice(store):
    """Entering again on the same connection is a new stay, with an exit of its own."""
    await store.append([event("added", "a", by="a")])
    enter = event("entered", "a", connection="e|1-1", key="enter:a:e|1-1")
    leave = event("exited", "a", connection="e|1-1", key="exit:a:e|1-1")
    assert seqs(await store.append([enter, leave, enter, leave])) == [2, 3, 4, 5]
    assert await store.present() == []


async def test_text_is_kept_as_it_is(store):
    """Bodies survive quotes, other scripts, and length."""
    body = "it's “quoted” – 你好 🙂 \\ % \r\n" + "x" * 5000
    await store.append([message(1, body=body)])
    [entry] = await everything(store, "d.a.b")
    assert entry.body == body
