"""Group commit: who shares a transaction, and what each sender is told when it fails."""

import asyncio

import pytest

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.group_commit import GroupCommit
from gauntlet.reference_server.store.base import (
    AppendRequest,
    Stored,
    StoreDown,
    StoreError,
    StoreUncertain,
)

LONG_MS = 60_000


class FakeStore:
    """Commits when told to (`gate`), and fails as `failures` says, by the rows of a batch."""

    def __init__(self, writers=1):
        self.writers = writers
        self.batches = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = {}

    async def append(self, batch):
        names = [wish.client_msg_id for wish in batch]
        self.batches.append(names)
        await self.gate.wait()
        for name in names:
            if name in self.failures:
                raise self.failures[name]
        return [Stored(Entry("d.a.b", int(name), "msg", 0)) for name in names]


@pytest.fixture
def store():
    """A store that commits at once."""
    return FakeStore()


def commits_of(store, rows_max=256, wait_ms=LONG_MS):
    """A group commit that notes what it says to have committed."""
    told = []
    commits = GroupCommit(store, rows_max, wait_ms, told.append)
    return commits, told


def send(commits, *names):
    """Submit these, in this order."""
    wishes = [AppendRequest("d.a.b", str(name), sender="a") for name in names]
    return [asyncio.ensure_future(commits.submit(wish)) for wish in wishes]


async def settle():
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lone_send_waits_for_nobody(store):
    """With an idle writer it is committed at once, however long others may wait."""
    commits, told = commits_of(store)
    [sent] = send(commits, 1)
    await settle()
    assert sent.result().entry.seq == 1
    assert [len(outcomes) for outcomes in told] == [1]


async def test_sends_that_arrive_during_a_commit_go_together(store):
    """One transaction for all of them, in the order of arrival."""
    commits, _ = commits_of(store)
    store.gate.clear()
    sent = send(commits, 1, 2, 3, 4)
    await settle()
    store.gate.set()
    await asyncio.gather(*sent)
    # All four were submitted before the first commit could begin.
    more = send(commits, 5)
    await asyncio.gather(*more)
    assert [name for batch in store.batches for name in batch] == ["1", "2", "3", "4", "5"]
    assert store.batches[1] == ["2", "3", "4"]


async def test_a_batch_has_a_limit(store):
    """Whoever is over it goes with the next."""
    commits, _ = commits_of(store, rows_max=2)
    await asyncio.gather(*send(commits, 1, 2, 3, 4))
    assert store.batches == [["1"], ["2", "3"], ["4"]]


async def test_a_second_writer_helps_only_after_the_wait():
    """Beside a running transaction the next begins when its first send has waited long enough."""
    store = FakeStore(writers=2)
    store.gate.clear()
    commits, _ = commits_of(store, wait_ms=20)
    sent = send(commits, 1, 2, 3)
    await settle()
    assert store.batches == [["1"]]
    await asyncio.sleep(0.05)
    assert store.batches == [["1"], ["2", "3"]]
    store.gate.set()
    await asyncio.gather(*sent)


async def test_a_full_batch_does_not_wait():
    """A second writer takes it at once."""
    store = FakeStore(writers=2)
    store.gate.clear()
    commits, _ = commits_of(store, rows_max=2)
    sent = send(commits, 1, 2, 3)
    await settle()
    assert store.batches == [["1"], ["2", "3"]]
    store.gate.set()
    await asyncio.gather(*sent)


async def test_a_failed_batch_is_tried_one_by_one(store):
    """Only the row that is to blame fails."""
    commits, told = commits_of(store)
    store.failures["3"] = StoreError()
    results = await asyncio.gather(*send(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [getattr(each, "stored", "yes") for each in results] == ["yes", "yes", "no", "yes"]
    assert store.batches == [["1"], ["2", "3", "4"], ["2"], ["3"], ["4"]]
    assert sum(map(len, told)) == 3


async def test_a_failed_commit_is_unknown_to_its_senders_only(store):
    """It is not tried again, and those behind it go on."""
    commits, told = commits_of(store, rows_max=2)
    store.failures["2"] = StoreUncertain()
    results = await asyncio.gather(*send(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [getattr(each, "stored", "yes") for each in results] == [
        "yes",
        "unknown",
        "unknown",
        "yes",
    ]
    assert store.batches == [["1"], ["2", "3"], ["4"]]
    assert sum(map(len, told)) == 2


async def test_a_database_that_is_down_fails_all_who_wait_at_once(store):
    """Nobody waits for a time-out of his own; the next send asks again."""
    commits, _ = commits_of(store, rows_max=1)
    store.failures["1"] = StoreDown()
    results = await asyncio.gather(*send(commits, 1, 2, 3), return_exceptions=True)
    assert {type(each) for each in results} == {StoreDown}
    assert store.batches == [["1"]]
    [outcome] = await asyncio.gather(*send(commits, 4))
    assert outcome.entry.seq == 4


async def test_a_database_that_goes_down_between_single_tries_fails_the_rest(store):
    """One by one ends with the first that finds nobody."""
    commits, _ = commits_of(store)
    store.failures.update({"4": StoreError()})

    honest = store.append

    async def append(batch):
        if [wish.client_msg_id for wish in batch] == ["2"]:
            store.batches.append(["2"])
            raise StoreDown
        return await honest(batch)

    store.append = append
    results = await asyncio.gather(*send(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [type(each) for each in results] == [Stored, StoreDown, StoreDown, StoreDown]
    assert store.batches == [["1"], ["2", "3", "4"], ["2"]]


async def test_a_sender_who_left_harms_nobody(store):
    """His send is committed with the others, nobody is told."""
    commits, _ = commits_of(store)
    store.gate.clear()
    first, second, third = send(commits, 1, 2, 3)
    await settle()
    second.cancel()
    store.gate.set()
    outcomes = await asyncio.gather(first, third)
    assert [outcome.entry.seq for outcome in outcomes] == [1, 3]


async def test_closing_finishes_what_was_submitted(store):
    """Nothing that was accepted is dropped."""
    commits, _ = commits_of(store)
    sent = send(commits, 1, 2)
    await asyncio.sleep(0)
    await commits.close()
    assert all(each.done() for each in sent)
