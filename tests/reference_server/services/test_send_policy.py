"""Which sends are rejected, and what happens while the services with the rules are down."""

import asyncio
from contextlib import suppress

import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.services import send_policy
from gauntlet.reference_server.services.send_policy import SendPolicy
from gauntlet.reference_server.store.base import BlockPage

CONV = "d.ann.bob"


class FakeServiceClient:
    """The friend and the sticker service; None means that the service is down."""

    def __init__(self):
        self.page, self.packs = BlockPage({}, 1, True), {"cats": ["hello"]}
        self.requests = []

    async def request(self, service, method, path, kind, **query):
        self.requests.append((service, path, query))
        answer = self.page if service == "friend" else self.packs
        if answer is None:
            raise ApiError("unavailable", service)
        return answer if service == "friend" else {"packs": answer}


@pytest.fixture
def client():
    """Both services."""
    return FakeServiceClient()


@pytest.fixture
def policy(client):
    """A policy that has not fetched anything yet."""
    return SendPolicy(client)


def allows(policy, sender, conv=CONV):
    """Return whether the sender may send; otherwise the rejection must be `forbidden`."""
    rejection = policy.rejection(conv, sender, None)
    assert rejection is None or rejection.code == "forbidden"
    return rejection is None


def sticker_rejection(policy, reference):
    """Return the code with which a sticker is rejected; None if it is allowed."""
    rejection = policy.rejection(CONV, "bob", reference)
    return rejection and rejection.code


@pytest.mark.parametrize(
    ("blockers", "allowed"),
    [(["ann"], ["ann"]), (["bob"], ["bob"]), (["ann", "bob"], []), ([], ["ann", "bob"])],
)
async def test_a_blocked_user_may_not_send_in_the_direct_conversation(
    policy, client, blockers, allowed
):
    """A user who blocks may still send, unless they are blocked as well."""
    client.page = BlockPage({CONV: blockers}, 5, True)
    await policy.refresh_blocks()
    assert [user for user in ("ann", "bob") if allows(policy, user)] == allowed
    assert allows(policy, "ann", "r.bob")


async def test_block_changes_are_requested_since_the_last_version_and_merged(policy, client):
    client.page = BlockPage({CONV: ["ann"], "d.a.b": ["a"]}, 5, True)
    await policy.refresh_blocks()
    client.page = BlockPage({"d.a.b": []}, 9, False)
    await policy.refresh_blocks()
    assert (allows(policy, "bob"), allows(policy, "b", "d.a.b")) == (False, True)
    assert [query for *_, query in client.requests] == [{"since": 0}, {"since": 5}]


async def test_a_whole_page_replaces_the_known_blocks(policy, client):
    """As after a change of the database."""
    client.page = BlockPage({CONV: ["ann"]}, 5, True)
    await policy.refresh_blocks()
    client.page = BlockPage({}, 2, True)
    await policy.refresh_blocks()
    assert allows(policy, "bob")


async def test_the_oldest_blocks_are_dropped_above_the_limit(policy, client, monkeypatch):
    """An unknown block allows the send."""
    monkeypatch.setattr(send_policy, "BLOCKS_MAX", 2)
    for number in range(4):
        client.page = BlockPage({f"d.a.u{number}": ["a"]}, number, False)
        await policy.refresh_blocks()
    allowed = [number for number in range(4) if allows(policy, f"u{number}", f"d.a.u{number}")]
    assert allowed == [0, 1]


async def test_only_known_stickers_are_allowed(policy):
    """Until the list is known, stickers are refused temporarily."""
    assert sticker_rejection(policy, "cats/hello") == "unavailable"
    await policy.refresh_stickers()
    assert sticker_rejection(policy, "cats/hello") is None
    for reference in ("cats/bye", "hello", "", "cats/hello/x"):
        assert sticker_rejection(policy, reference) == "not_found"


async def test_a_blocked_user_may_not_send_stickers(policy, client):
    """The rejection does not reveal which stickers exist."""
    client.page = BlockPage({CONV: ["ann"]}, 5, True)
    await policy.refresh_blocks()
    assert (
        sticker_rejection(policy, "cats/hello") == sticker_rejection(policy, "none") == "forbidden"
    )


async def test_an_outage_keeps_the_known_state(policy, client, monkeypatch):
    """Either service may be down without the other; polling continues afterwards."""
    monkeypatch.setattr(send_policy, "POLL_S", 0)
    client.page = BlockPage({CONV: ["ann"]}, 5, True)
    running = asyncio.create_task(policy.run())

    async def polled():
        before = len(client.requests)
        while len(client.requests) < before + 4:
            await asyncio.sleep(0)

    try:
        await polled()
        client.page = client.packs = None
        await polled()
        assert policy.rejection(CONV, "ann", "cats/hello") is None
        assert not allows(policy, "bob")
        client.packs = {"cats": ["bye"]}
        await polled()
        assert policy.rejection(CONV, "ann", "cats/bye") is None
        assert not allows(policy, "bob")
        client.page = BlockPage({}, 6, True)
        await polled()
        assert allows(policy, "bob")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
