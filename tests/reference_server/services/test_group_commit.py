"""Which sends share a transaction, and what each sender gets when it fails."""

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
    """Commits while `gate` is set; a batch that contains a row named in `failures` fails."""

    def __init__(self, writers=1):
        self.writers = writers
        self.batches = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = {}

    async def append(self, batch):
        names = [request.client_msg_id for request in batch]
        self.batches.append(names)
        await self.gate.wait()
        for name in names:
            if name in self.failures:
                raise self.failures[name]
        return [Stored(Entry("d.a.b", int(name), "msg", 0)) for name in names]


@pytest.fixture
def store():
    """A store that commits immediately."""
    return FakeStore()


def make_group_commit(store, rows_max=256, wait_ms=LONG_MS):
    """Return a group commit and the list of outcomes that it reports."""
    committed = []
    commits = GroupCommit(store, rows_max, wait_ms, committed.append)
    return commits, committed


def submit(commits, *names):
    """Submit requests with these names, in this order."""
    requests = [AppendRequest("d.a.b", str(name), sender="a") for name in names]
    return [asyncio.ensure_future(commits.submit(request)) for request in requests]


async def settle():
    """Run every task that can run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_single_send_is_committed_immediately(store):
    """Even if sends may wait a long time for others."""
    commits, committed = make_group_commit(store)
    [sent] = submit(commits, 1)
    await settle()
    assert sent.result().entry.seq == 1
    assert [len(outcomes) for outcomes in committed] == [1]


async def test_sends_that_arrive_during_a_commit_share_the_next_one(store):
    commits, _ = make_group_commit(store)
    store.gate.clear()
    sent = submit(commits, 1, 2, 3, 4)
    await settle()
    store.gate.set()
    await asyncio.gather(*sent)
    # All four were submitted before the first commit could begin.
    more = submit(commits, 5)
    await asyncio.gather(*more)
    assert [name for batch in store.batches for name in batch] == ["1", "2", "3", "4", "5"]
    assert store.batches[1] == ["2", "3", "4"]


async def test_a_batch_has_at_most_the_configured_rows(store):
    commits, _ = make_group_commit(store, rows_max=2)
    await asyncio.gather(*submit(commits, 1, 2, 3, 4))
    assert store.batches == [["1"], ["2", "3"], ["4"]]


async def test_a_second_transaction_starts_only_after_the_wait():
    store = FakeStore(writers=2)
    store.gate.clear()
    commits, _ = make_group_commit(store, wait_ms=500)
    sent = submit(commits, 1, 2, 3)
    await settle()
    assert store.batches == [["1"]]
    async with asyncio.timeout(30):
        while len(store.batches) < 2:
            await asyncio.sleep(0.01)
    assert store.batches == [["1"], ["2", "3"]]
    store.gate.set()
    await asyncio.gather(*sent)


async def test_a_full_batch_starts_a_second_transaction_immediately():
    store = FakeStore(writers=2)
    store.gate.clear()
    commits, _ = make_group_commit(store, rows_max=2)
    sent = submit(commits, 1, 2, 3)
    await settle()
    assert store.batches == [["1"], ["2", "3"]]
    store.gate.set()
    await asyncio.gather(*sent)


async def test_a_failed_batch_is_repeated_row_by_row(store):
    """Only the faulty row fails."""
    commits, committed = make_group_commit(store)
    store.failures["3"] = StoreError()
    results = await asyncio.gather(*submit(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [getattr(each, "stored", "yes") for each in results] == ["yes", "yes", "no", "yes"]
    assert store.batches == [["1"], ["2", "3", "4"], ["2"], ["3"], ["4"]]
    assert sum(map(len, committed)) == 3


async def test_an_uncertain_commit_is_unknown_for_its_own_senders_only(store):
    """It is not repeated, and later sends are committed."""
    commits, committed = make_group_commit(store, rows_max=2)
    store.failures["2"] = StoreUncertain()
    results = await asyncio.gather(*submit(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [getattr(each, "stored", "yes") for each in results] == [
        "yes",
        "unknown",
        "unknown",
        "yes",
    ]
    assert store.batches == [["1"], ["2", "3"], ["4"]]
    assert sum(map(len, committed)) == 2


async def test_a_database_that_is_down_fails_all_waiting_sends_together(store):
    """No send waits for a time-out of its own; the next send tries again."""
    commits, _ = make_group_commit(store, rows_max=1)
    store.failures["1"] = StoreDown()
    results = await asyncio.gather(*submit(commits, 1, 2, 3), return_exceptions=True)
    assert {type(each) for each in results} == {StoreDown}
    assert store.batches == [["1"]]
    [outcome] = await asyncio.gather(*submit(commits, 4))
    assert outcome.entry.seq == 4


async def test_a_database_that_goes_down_during_the_repetition_fails_the_remaining_rows(store):
    commits, _ = make_group_commit(store)
    store.failures.update({"4": StoreError()})

    original_append = store.append

    async def append(batch):
        if [request.client_msg_id for request in batch] == ["2"]:
            store.batches.append(["2"])
            raise StoreDown
        return await original_append(batch)

    store.append = append
    results = await asyncio.gather(*submit(commits, 1, 2, 3, 4), return_exceptions=True)
    assert [type(each) for each in results] == [Stored, StoreDown, StoreDown, StoreDown]
    assert store.batches == [["1"], ["2", "3", "4"], ["2"]]


async def test_a_cancelled_send_does_not_affect_the_others(store):
    commits, _ = make_group_commit(store)
    store.gate.clear()
    first, second, third = submit(commits, 1, 2, 3)
    await settle()
    second.cancel()
    store.gate.set()
    outcomes = await asyncio.gather(first, third)
    assert [outcome.entry.seq for outcome in outcomes] == [1, 3]


async def test_close_finishes_submitted_sends(store):
    commits, _ = make_group_commit(store)
    sent = submit(commits, 1, 2)
    await asyncio.sleep(0)
    await commits.close()
    assert all(each.done() for each in sent)
