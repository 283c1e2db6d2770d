"""What each sabotage does to the server's classes."""

import asyncio
import signal
import time

import pytest

from gauntlet.chaos.server_hooks.faults import crash_after_commit, mute_edge, slow_commits
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import EdgeFanout
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.publisher import Fanout

ENTRY = Entry(conv="d.a.b", seq=7, type="msg", ts=1)


@pytest.fixture
def fanout(monkeypatch):
    """A fan-out that notes what it is offered, before any sabotage."""
    offered = []
    monkeypatch.setattr(Fanout, "offer", lambda _self, entries, _members: offered.append(entries))
    return offered


async def test_it_dies_after_a_commit_and_publishes_nothing_more(fanout, monkeypatch, caplog):
    """Unarmed all is published; armed the next commit is the last, and its senders get a moment."""
    killed = []
    monkeypatch.setattr(crash_after_commit.os, "kill", lambda _pid, sig: killed.append(sig))
    crash_after_commit.install()
    try:
        Fanout.offer(None, [ENTRY], {})
        assert fanout == [[ENTRY]]
        signal.raise_signal(signal.SIGUSR1)
        await asyncio.sleep(0.05)  # the loop hears of signals through a pipe
        for _ in range(2):
            Fanout.offer(None, [ENTRY], {})
        assert killed == []
        await asyncio.sleep(2 * crash_after_commit.ANSWER_S)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    assert fanout == [[ENTRY]]
    assert killed == [signal.SIGKILL]
    assert caplog.messages == ["committed and not published: d.a.b 7"]


def test_a_deaf_edge_hears_nothing(monkeypatch):
    """Neither the bus nor a range read reaches a conversation."""
    monkeypatch.setattr(EdgeFanout, "hear", EdgeFanout.hear)  # put back at the end
    mute_edge.install()
    # An honest one would touch what it does not have.
    assert EdgeFanout.hear(None, [ENTRY]) is None


async def test_commits_come_at_the_known_rate_and_in_order(monkeypatch):
    """The third of three wishes waits for two slots; after a rest nobody waits."""
    begun = []

    async def append(_self, wish):
        begun.append((wish, time.monotonic()))
        return wish

    monkeypatch.setattr(MessageService, "append", append)
    slow_commits.install()
    answers = await asyncio.gather(*(MessageService.append(None, wish) for wish in (1, 2, 3)))
    assert answers == [1, 2, 3]
    assert [wish for wish, _ in begun] == [1, 2, 3]
    # Timers may be a little early on the loop's clock, and late without limit.
    assert begun[2][1] - begun[0][1] >= 1.8 / slow_commits.COMMITS_PER_S
