"""What every engine of the messages DB guarantees, tested with real databases."""

import asyncio

import pytest
from msgspec import structs

from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.base import PAGE_CHARS_MAX, AppendRequest, Refused

from .append_requests import all_entries, event, message, seqs

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_batch_gets_dense_positions_in_its_order(store):
    """Each conversation is counted separately."""
    batch = [message(1), message(1, "d.a.c"), message(2), message(2, "d.a.c"), message(3)]
    assert seqs(await store.append(batch)) == [1, 1, 2, 2, 3]
    stored = await all_entries(store, "d.a.b")
    assert [(each.seq, each.client_msg_id, each.body) for each in stored] == [
        (1, "1", "hello"),
        (2, "2", "hello"),
        (3, "3", "hello"),
    ]


async def test_a_sticker_keeps_its_type_and_reference(store):
    request = AppendRequest("d.a.b", "1", sender="a", body="cats/cat-hello", type="sticker")
    [stored] = await store.append([request])
    assert await all_entries(store, "d.a.b") == [stored.entry]
    assert (stored.entry.type, stored.entry.body) == ("sticker", "cats/cat-hello")


async def test_a_refused_request_writes_nothing_but_finds_a_stored_message(store):
    """Within a batch it takes no position."""
    refused = Refused("forbidden", "blocked")
    request = AppendRequest("d.a.b", "1", sender="a", refused=refused)
    assert await store.append([request]) == [refused]
    assert await store.room("d.a.b") is None
    outcomes = await store.append([message(2), request, message(3)])
    assert seqs([outcomes[0], outcomes[2]]) == [1, 2]
    assert outcomes[1] == refused
    [again] = await store.append([structs.replace(message(3), refused=refused)])
    assert (again.dup, again.entry.seq) == (True, 2)


async def test_a_repeated_message_gets_its_first_position_and_id(store):
    """In a later batch and in the same one."""
    [first] = await store.append([message(1)])
    again, new, new_again = await store.append([message(1), message(2), message(2)])
    assert (again.dup, again.entry.seq, again.entry.msg_id) == (True, 1, first.entry.msg_id)
    assert (new.dup, new_again.dup) == (False, True)
    assert new.entry.msg_id == new_again.entry.msg_id
    assert len(await all_entries(store, "d.a.b")) == 2


async def test_equal_client_msg_ids_of_two_senders_are_two_messages(store):
    outcomes = await store.append([message(1), message(1, sender="b")])
    assert seqs(outcomes) == [1, 2]


async def test_only_members_may_write(store):
    """Other requests of the batch are not affected."""
    stranger, member = await store.append([message(1, sender="c"), message(1)])
    assert isinstance(stranger, Refused)
    assert stranger.code == "forbidden"
    assert seqs([member]) == [1]
    assert await store.member_since("d.a.b", "c") is None
    assert await store.member_since("d.a.b", "b") == 1


async def test_a_refused_send_creates_no_conversation(store):
    refused = await store.append([message(1, sender="c"), message(1, "d.b.a"), message(1, "r.x")])
    assert {outcome.code for outcome in refused} == {"forbidden"}
    assert (await store.heads_since(0)).heads == {}


async def test_another_message_with_the_same_client_msg_id_is_a_conflict(store):
    """Answered as a repetition, its sender would believe that it is stored."""
    first = message(1)
    changed = structs.replace(first, body="other")
    sticker = structs.replace(first, type="sticker")
    outcomes = await store.append([first, changed])
    outcomes += await store.append([sticker, changed, first])
    codes = [getattr(outcome, "code", "stored") for outcome in outcomes]
    assert codes == ["stored", "conflict", "conflict", "conflict", "stored"]
    assert [entry.body for entry in await all_entries(store, "d.a.b")] == [first.body]


async def test_strangers_cannot_tell_a_room_of_others_from_one_that_does_not_exist(store):
    """Neither by a code, nor by a text, nor by a position: also not those who were removed."""
    await store.append([event("added", user, by="a") for user in ("a", "eve")])
    await store.append([event("removed", "eve", by="a")])
    for make in (
        lambda conv: message(1, conv, sender="eve"),
        lambda conv: structs.replace(event("added", "bob", by="eve"), conv=conv),
        lambda conv: structs.replace(event("removed", "a", by="eve"), conv=conv),
        lambda conv: structs.replace(event("removed", "eve", by="eve"), conv=conv),
        lambda conv: structs.replace(event("entered", "eve"), conv=conv),
    ):
        real, missing = await store.append([make("r.x"), make("r.missing")])
        assert isinstance(real, Refused)
        assert real.message.replace("r.x", "r.missing") == missing.message
        assert real.code == missing.code


async def test_a_page_ends_where_it_becomes_too_large_but_has_an_entry(store, monkeypatch):
    """The next page continues there, so that nothing is skipped."""
    large = PAGE_CHARS_MAX // 2
    bodies = ["a", "b" * large, "c" * large, "d", "e" * (PAGE_CHARS_MAX + 1), "f"]
    await store.append(
        [structs.replace(message(n), body=body) for n, body in enumerate(bodies, start=1)]
    )
    sizes, after = [], 0
    while after < len(bodies):
        page, head = await store.entries("d.a.b", after, 1000)
        assert head == len(bodies)
        assert [entry.body for entry in page] == bodies[after : after + len(page)]
        sizes.append(len(page))
        after = page[-1].seq
    assert sizes == [3, 2, 1]


@pytest.fixture
def limits(monkeypatch):
    """Users may be in two rooms, and found a third one."""
    monkeypatch.setattr(append_plan, "ADDED_ROOMS_MAX", 2)
    monkeypatch.setattr(append_plan, "ROOMS_MAX", 3)


async def found(store, user, *names):
    """Let a user found rooms."""
    return await store.append(
        [structs.replace(event("added", user, by=user), conv=f"r.{name}") for name in names]
    )


async def test_a_user_is_in_a_limited_number_of_rooms(store, limits):
    """Direct conversations do not count, and nothing is written for a refused founding."""
    await store.append([message(1)])
    outcomes = await found(store, "a", *"xyz")
    assert seqs(outcomes) == [1, 1, 1]
    [refused] = await found(store, "a", "last")
    assert refused == Refused("forbidden", "a is in 3 rooms, the maximum")
    assert await store.room("r.last") is None
    await store.append([structs.replace(event("removed", "a", by="a"), conv="r.x")])
    assert seqs(await found(store, "a", "last")) == [1]


@pytest.mark.parametrize("victim", ["bob", "full", "eve"])
async def test_a_stranger_at_a_limit_does_not_learn_which_rooms_exist(store, limits, victim):
    """Bob blocks Eve, `full` is in as many rooms as possible, and so is Eve."""
    for user in ("full", "eve"):
        await found(store, user, *(f"{user}{number}" for number in range(3)))
    await found(store, "a", "x")
    refused = Refused("forbidden", "eve is blocked by bob") if victim == "bob" else None
    addition = structs.replace(event("added", victim, by="eve"), refused=refused)
    [real] = await store.append([addition])
    [missing] = await store.append([structs.replace(addition, conv="r.missing")])
    assert real.message.replace("r.x", "r.missing") == missing.message
    assert real.code == missing.code == "forbidden"


async def test_additions_at_the_same_time_do_not_exceed_the_limit(store, open_store, limits):
    """By several processes, each of which may write several transactions at a time."""
    names = [f"{number}" for number in range(8)]
    for number, name in enumerate(names):
        await found(store, f"owner{number}", f"of{name}")
    stores = [store] * 2 if store.writers == 1 else [store, open_store()]
    additions = [
        structs.replace(event("added", "bob", by=f"owner{number}"), conv=f"r.of{name}")
        for number, name in enumerate(names)
    ]
    outcomes = await asyncio.gather(
        *(stores[number % 2].append([each]) for number, each in enumerate(additions))
    )
    refused = [each for [each] in outcomes if isinstance(each, Refused)]
    assert refused == [Refused("forbidden", "bob is in 2 rooms, the maximum")] * 6
    assert len((await heads_of(store, "bob")).heads) == 2


async def heads_of(store, user):
    """Return the first page of a user's heads, and the watermark."""
    return await store.heads_of(user, "", 1000)


async def test_the_heads_of_a_user_are_read_in_pages(store):
    """Each page begins behind the last conversation of the one before."""
    convs = ["d.a.b", "d.a.cat", "d.Z.a", "r.B", "r.a", "r.x-1", "r.x_1"]
    await store.append([message(1, conv, "a") for conv in convs if conv.startswith("d.")])
    await found(store, "a", *(conv[2:] for conv in convs if conv.startswith("r.")))
    await store.append([message(2, "d.a.b"), message(1, "d.b.c", "b")])
    pages, after = [], ""
    while page := (await store.heads_of("a", after, 3)).heads:
        pages.append(page)
        after = list(page)[-1]
    assert [len(page) for page in pages] == [3, 3, 1]
    heads = {conv: head for page in pages for conv, head in page.items()}
    assert heads == dict.fromkeys(convs, 1) | {"d.a.b": 2}
    assert (await store.heads_of("a", "", 1000)).heads == heads


async def test_a_user_has_a_limited_number_of_direct_conversations(store, monkeypatch):
    """Rooms do not count, and nothing is written for a conversation that is refused."""
    monkeypatch.setattr(append_plan, "BEGUN_DIRECTS_MAX", 2)
    monkeypatch.setattr(append_plan, "DIRECTS_MAX", 3)
    await found(store, "b", *"xyz")
    strangers = [message(1, f"d.b.{name}", name) for name in ("s1", "s2", "s3")]
    begun = await store.append(strangers[:1]) + await store.append(strangers[1:])
    assert seqs(begun[:2]) == [1, 1]
    refused = Refused("forbidden", "b has 2 direct conversations, the maximum")
    assert begun[2] == refused
    assert await store.append([strangers[2]]) == [refused]
    assert await store.room("d.b.s3") is None
    assert seqs(await store.append([message(1, "d.b.t", "b")])) == [1]
    refused = Refused("forbidden", "b has 3 direct conversations, the maximum")
    assert await store.append([message(1, "d.b.u", "b")]) == [refused]
    further = [message(2, "d.b.s1", "s1"), message(3, "d.b.s1", "b")]
    assert seqs(await store.append(further)) == [2, 3]


async def test_a_founding_that_is_refused_under_locks_leaves_no_room(
    store, open_store, limits, monkeypatch
):
    """Another process adds the user to their last room between the read and the write."""
    if store.writers == 1:
        pytest.skip("a single writer has no conflicts")
    from gauntlet.reference_server.store import postgres

    original_write, other = postgres._write, open_store()
    await found(other, "a", "x", "y")

    async def write_later(connection, plan):
        monkeypatch.setattr(postgres, "_write", original_write)
        await found(other, "a", "z")
        return await original_write(connection, plan)

    monkeypatch.setattr(postgres, "_write", write_later)
    assert await found(store, "a", "last") == [Refused("forbidden", "a is in 3 rooms, the maximum")]
    assert await store.room("r.last") is None


async def test_a_committed_message_is_visible_to_other_processes_immediately(store, open_store):
    await store.append([message(1)])
    assert len(await all_entries(open_store(), "d.a.b")) == 1


async def test_a_range_read_respects_after_and_limit(store):
    await store.append([message(number) for number in range(1, 6)])
    entries, head = await store.entries("d.a.b", 1, 2)
    assert ([entry.seq for entry in entries], head) == ([2, 3], 5)
    assert await store.entries("d.a.b", 5, 10) == ([], 5)
    assert await store.entries("d.x.y", 0, 10) == ([], 0)


async def test_concurrent_senders_leave_neither_holes_nor_duplicates(store, open_store):
    """With retries, from several processes and tasks."""
    stores = [store] * 2 if store.writers == 1 else [store, open_store()]
    convs = ["d.a.b", "d.a.c", "d.a.d"]

    async def send(store, sender, first):
        for number in range(first, first + 10):
            batch = [message(number, conv, sender) for conv in (convs, convs[::-1])[number % 2]]
            await store.append(batch)

    # The two tasks of each store overlap in half of their identities.
    jobs = [send(each, "a", first) for each in stores for first in (0, 5)]
    await asyncio.gather(*jobs)
    for conv in convs:
        stored = await all_entries(store, conv)
        assert [entry.seq for entry in stored] == list(range(1, 16))
        assert len({entry.client_msg_id for entry in stored}) == 15


async def test_polling_from_the_last_watermark_misses_no_commit(store, open_store):
    other = store if store.writers == 1 else open_store()
    await store.append([message(0, "d.a.b0")])  # the tables exist before anybody is in a hurry
    seen = {}
    done = asyncio.Event()

    async def write(store, half):
        for number in range(40):
            await store.append([message(number, f"d.a.b{half}{number % 7}")])

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
    await asyncio.gather(*(write(each, half) for half, each in enumerate((store, other) * 2)))
    done.set()
    await poller
    assert seen == (await store.heads_since(0)).heads
    assert len(seen) == 29


async def test_a_transaction_that_commits_after_a_watermark_is_found_from_it(store, open_store):
    """Even if it began before the watermark."""
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
        first = await store.heads_since((await heads_of(store, "a")).watermark)
        await transaction.commit()
    assert "d.a.b" not in {conv for conv, head in first.heads.items() if head == 99}
    assert (await store.heads_since(first.watermark)).heads["d.a.b"] == 99


async def test_a_poll_without_changes_is_empty(store):
    await store.append([message(1)])
    changed = await store.heads_since((await heads_of(store, "a")).watermark)
    assert changed.heads == {}


async def test_room_events_change_the_membership_and_have_an_audience(store):
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


async def test_a_poll_lists_the_members_of_changed_rooms_only(store):
    await store.append([event("added", "a", by="a"), event("added", "a", by="a", conv="r.y")])
    before = (await heads_of(store, "a")).watermark
    await store.append([event("added", "b", by="a"), message(1, "r.y")])
    changed = await store.heads_since(before)
    assert {conv: set(users) for conv, users in changed.members.items()} == {"r.x": {"a", "b"}}
    assert changed.heads == {"r.x": 2, "r.y": 2}
    before = changed.watermark
    await store.append([event("removed", user, by=user) for user in ("b", "a")])
    assert (await store.heads_since(before)).members == {"r.x": []}


async def test_only_members_may_change_the_membership(store):
    """No user can create a room for another user, or add themselves to a room."""
    [refused] = await store.append([event("added", "b", by="a")])
    assert refused.code == "forbidden"
    await store.append([event("added", "a", by="a")])
    joined, removed = await store.append(
        [event("added", "c", by="c"), event("removed", "a", by="c")]
    )
    assert {joined.code, removed.code} == {"forbidden"}


async def test_repeated_membership_changes_write_nothing(store):
    await store.append([event("added", "a", by="a")])
    again, gone = await store.append(
        [event("added", "a", by="a", key="other"), event("removed", "b", by="a")]
    )
    assert (again.dup, again.entry.seq, gone.dup) == (True, 1, True)
    assert len(await all_entries(store, "r.x")) == 1


async def test_an_exit_ends_only_the_stay_of_its_connection_and_only_once(store):
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
    kinds = [entry.event for entry in await all_entries(store, "r.x")]
    assert kinds == ["added", "entered", "exited", "entered"]


async def test_a_connection_may_enter_and_exit_again(store):
    await store.append([event("added", "a", by="a")])
    enter = event("entered", "a", connection="e|1-1", key="enter:a:e|1-1")
    leave = event("exited", "a", connection="e|1-1", key="exit:a:e|1-1")
    assert seqs(await store.append([enter, leave, enter, leave])) == [2, 3, 4, 5]
    assert await store.present() == []


async def test_text_is_stored_unchanged(store):
    body = "it's “quoted” – 你好 🙂 \\ % \r\n" + "x" * 5000
    await store.append([message(1, body=body)])
    [entry] = await all_entries(store, "d.a.b")
    assert entry.body == body
