"""What each server-side fault does to the classes of the server."""

import asyncio
import signal
import time

import pytest

from gauntlet.chaos.server_hooks.faults import crash_after_commit, mute_edge, slow_commits
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import Subscriptions
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.publisher import Fanout

pytestmark = pytest.mark.sources

ENTRY = Entry(conv="d.a.b", seq=7, type="msg", ts=1)


@pytest.fixture
def fanout(monkeypatch):
    """The entries that the original fan-out receives, before a fault replaces it."""
    offered = []
    monkeypatch.setattr(Fanout, "offer", lambda _self, entries, _members: offered.append(entries))
    return offered


async def test_an_armed_process_dies_after_a_commit_that_it_does_not_publish(
    fanout, monkeypatch, caplog
):
    """Before SIGUSR1 everything is published; after it, senders get time for their answers."""
    killed = []
    monkeypatch.setattr(crash_after_commit.os, "kill", lambda _pid, sig: killed.append(sig))
    crash_after_commit.install()
    try:
        Fanout.offer(None, [ENTRY], {})
        assert fanout == [[ENTRY]]
        signal.raise_signal(signal.SIGUSR1)
        await asyncio.sleep(0.05)  # the loop receives signals through a pipe
        for _ in range(2):
            Fanout.offer(None, [ENTRY], {})
        assert killed == []
        await asyncio.sleep(2 * crash_after_commit.ANSWER_S)
    finally:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert fanout == [[ENTRY]]
    assert killed == [signal.SIGKILL]
    assert caplog.messages == ["committed and not published: d.a.b 7"]


async def test_a_process_armed_by_the_other_signal_dies_before_it_answers(fanout, monkeypatch):
    killed = []
    monkeypatch.setattr(crash_after_commit.os, "kill", lambda _pid, sig: killed.append(sig))
    crash_after_commit.install()
    try:
        signal.raise_signal(signal.SIGUSR2)
        await asyncio.sleep(0.05)  # the loop receives signals through a pipe
        Fanout.offer(None, [ENTRY], {})
        assert killed == [signal.SIGKILL]  # in the same turn of the loop
    finally:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert fanout == []


def test_a_mute_edge_pushes_nothing(monkeypatch):
    monkeypatch.setattr(
        Subscriptions, "on_batch", Subscriptions.on_batch
    )  # restored after the test
    mute_edge.install()
    # The original method would fail, because there is no `self`.
    assert Subscriptions.on_batch(None, [ENTRY]) is None


async def test_slow_commits_start_in_order_at_the_known_rate(monkeypatch):
    """The third of three requests waits for two slots."""
    started = []

    async def append(_self, request):
        started.append((request, time.monotonic()))
        return request

    monkeypatch.setattr(MessageService, "append", append)
    slow_commits.install()
    begun_s = time.monotonic()
    answers = await asyncio.gather(*(MessageService.append(None, request) for request in (1, 2, 3)))
    assert answers == [1, 2, 3]
    assert [request for request, _ in started] == [1, 2, 3]
    # Timers may be a little early on the loop's clock, and late without limit: the first one, too.
    assert started[2][1] - begun_s >= 1.8 / slow_commits.COMMITS_PER_S
