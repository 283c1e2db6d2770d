"""Telling the room service, over its outages."""

import asyncio
from contextlib import suppress

import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.edge import presence_reporter
from gauntlet.reference_server.edge.presence_reporter import PresenceReporter


class Upstream:
    """Takes events, or answers with `failure`."""

    def __init__(self):
        self.taken, self.failure, self.asked = [], None, 0

    async def report_attendance(self, events):
        self.asked += 1
        if self.failure:
            raise self.failure
        self.taken += events


@pytest.fixture
async def rig(monkeypatch):
    """A running reporter that retries soon."""
    monkeypatch.setattr(presence_reporter, "RETRY_AFTER_S", 0.01)
    upstream = Upstream()
    reporter = PresenceReporter(upstream)
    task = asyncio.create_task(reporter.run())
    yield reporter, upstream
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def event(number):
    """The number-th event of a user."""
    return PresenceEvent("ann", f"e|1-{number}", "lost")


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_events_are_told_in_order_and_repeated_until_taken(rig):
    """An outage of the room service delays, and does not reorder."""
    reporter, upstream = rig
    upstream.failure = ApiError("unavailable", "down")
    reporter.report(event(1))
    reporter.report(event(2))
    await settle(lambda: upstream.asked >= 2)
    upstream.failure = None
    reporter.report(event(3))
    await settle(lambda: len(upstream.taken) == 3)
    assert upstream.taken == [event(1), event(2), event(3)]


async def test_what_is_refused_for_good_does_not_block_what_follows(rig):
    """A poisoned event must not silence the edge."""
    reporter, upstream = rig
    upstream.failure = ApiError("bad_request", "what?")
    reporter.report(event(1))
    await settle(lambda: upstream.asked == 1)
    upstream.failure = None
    reporter.report(event(2))
    await settle(lambda: upstream.taken == [event(2)])


async def test_when_too_much_waits_the_oldest_are_forgotten(monkeypatch):
    """What happens while a report fails is newer than what the report held."""
    monkeypatch.setattr(presence_reporter, "QUEUE_MAX", 3)

    class Busy(Upstream):
        """Two more events happen while it fails."""

        async def report_attendance(self, events):
            if self.failure:
                told.report(event(3))
                told.report(event(4))
            await super().report_attendance(events)

    upstream = Busy()
    told = PresenceReporter(upstream)
    told.report(event(1))
    told.report(event(2))
    upstream.failure = ApiError("unavailable", "down")
    with suppress(ApiError):
        await told.flush()
    upstream.failure = None
    await told.flush()
    assert upstream.taken == [event(2), event(3), event(4)]
