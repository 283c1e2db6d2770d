"""What is checked before a send, and what is known while nobody answers."""

import asyncio
from contextlib import suppress

import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.services import send_policy
from gauntlet.reference_server.services.send_policy import SendPolicy
from gauntlet.reference_server.store.base import BlockPage

CONV = "d.ann.bob"


class FakeServiceClient:
    """The friend and the sticker service; None: down."""

    def __init__(self):
        self.page, self.packs = BlockPage({}, 1, True), {"cats": ["hello"]}
        self.asked = []

    async def request(self, service, method, path, kind, **query):
        self.asked.append((service, path, query))
        answer = self.page if service == "friend" else self.packs
        if answer is None:
            raise ApiError("unavailable", service)
        return answer if service == "friend" else {"packs": answer}


@pytest.fixture
def calls():
    """Both services, as a test wants them."""
    return FakeServiceClient()


@pytest.fixture
def known(calls):
    """The checks, before anything was read."""
    return SendPolicy(calls)


def allows(known, sender, conv=CONV):
    """Whether the sender may; if not, it is forbidden."""
    refused = known.rejection(conv, sender, None)
    assert refused is None or refused.code == "forbidden"
    return refused is None


def sticker(known, reference):
    """The code with which a sticker is refused; None if it may be sent."""
    refused = known.rejection(CONV, "bob", reference)
    return refused and refused.code


@pytest.mark.parametrize(
    ("blockers", "allowed"),
    [(["ann"], ["ann"]), (["bob"], ["bob"]), (["ann", "bob"], []), ([], ["ann", "bob"])],
)
async def test_whom_the_other_blocks_may_not_send(known, calls, blockers, allowed):
    """Who blocks may still send, unless he is blocked as well."""
    calls.page = BlockPage({CONV: blockers}, 5, True)
    await known.refresh_blocks()
    assert [user for user in ("ann", "bob") if allows(known, user)] == allowed
    assert allows(known, "ann", "r.bob")


async def test_changes_are_asked_for_and_added(known, calls):
    """From the version that came last; what is not mentioned stays."""
    calls.page = BlockPage({CONV: ["ann"], "d.a.b": ["a"]}, 5, True)
    await known.refresh_blocks()
    calls.page = BlockPage({"d.a.b": []}, 9, False)
    await known.refresh_blocks()
    assert (allows(known, "bob"), allows(known, "b", "d.a.b")) == (False, True)
    assert [query for *_, query in calls.asked] == [{"since": 0}, {"since": 5}]


async def test_the_whole_replaces_what_was_known(known, calls):
    """Another database knows nothing of the old one's blocks."""
    calls.page = BlockPage({CONV: ["ann"]}, 5, True)
    await known.refresh_blocks()
    calls.page = BlockPage({}, 2, True)
    await known.refresh_blocks()
    assert allows(known, "bob")


async def test_memory_is_bounded_and_the_oldest_is_forgotten(known, calls, monkeypatch):
    """An unknown block allows."""
    monkeypatch.setattr(send_policy, "BLOCKS_MAX", 2)
    for number in range(4):
        calls.page = BlockPage({f"d.a.u{number}": ["a"]}, number, False)
        await known.refresh_blocks()
    allowed = [number for number in range(4) if allows(known, f"u{number}", f"d.a.u{number}")]
    assert allowed == [0, 1]


async def test_a_sticker_is_sent_if_it_exists(known):
    """Before any list was read nobody can say so, and a later attempt may succeed."""
    assert sticker(known, "cats/hello") == "unavailable"
    await known.refresh_stickers()
    assert sticker(known, "cats/hello") is None
    for reference in ("cats/bye", "hello", "", "cats/hello/x"):
        assert sticker(known, reference) == "not_found"


async def test_a_blocked_sender_may_not_send_stickers_either(known, calls):
    """Nor does he learn which there are."""
    calls.page = BlockPage({CONV: ["ann"]}, 5, True)
    await known.refresh_blocks()
    assert sticker(known, "cats/hello") == sticker(known, "none") == "forbidden"


async def test_an_outage_leaves_what_was_known(known, calls, monkeypatch):
    """Each of the two services may be down without the other, and comes back by itself."""
    monkeypatch.setattr(send_policy, "POLL_S", 0)
    calls.page = BlockPage({CONV: ["ann"]}, 5, True)
    running = asyncio.create_task(known.run())

    async def polled():
        before = len(calls.asked)
        while len(calls.asked) < before + 4:
            await asyncio.sleep(0)

    try:
        await polled()
        calls.page = calls.packs = None
        await polled()
        assert known.rejection(CONV, "ann", "cats/hello") is None
        assert not allows(known, "bob")
        calls.packs = {"cats": ["bye"]}
        await polled()
        assert known.rejection(CONV, "ann", "cats/bye") is None
        assert not allows(known, "bob")
        calls.page = BlockPage({}, 6, True)
        await polled()
        assert allows(known, "bob")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
