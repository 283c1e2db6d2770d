"""Reports to the room service across its outages."""

import asyncio
from contextlib import suppress

import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.edge import presence_reporter
from gauntlet.reference_server.edge.presence_reporter import PresenceReporter


class Upstream:
    """Accepts events, or raises `failure`."""

    def __init__(self):
        self.accepted, self.failure, self.calls = [], None, 0

    async def report_presence(self, events):
        self.calls += 1
        if self.failure:
            raise self.failure
        self.accepted += events


@pytest.fixture
async def reporter_and_upstream(monkeypatch):
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
    """Return an event of a user's connection of that number."""
    return PresenceEvent("ann", f"e|1-{number}", "lost")


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_events_are_reported_in_order_and_retried_until_accepted(reporter_and_upstream):
    reporter, upstream = reporter_and_upstream
    upstream.failure = ApiError("unavailable", "down")
    reporter.report(event(1))
    reporter.report(event(2))
    await settle(lambda: upstream.calls >= 2)
    upstream.failure = None
    reporter.report(event(3))
    await settle(lambda: len(upstream.accepted) == 3)
    assert upstream.accepted == [event(1), event(2), event(3)]


async def test_a_permanently_rejected_event_does_not_block_later_events(reporter_and_upstream):
    reporter, upstream = reporter_and_upstream
    upstream.failure = ApiError("bad_request", "what?")
    reporter.report(event(1))
    await settle(lambda: upstream.calls == 1)
    upstream.failure = None
    reporter.report(event(2))
    await settle(lambda: upstream.accepted == [event(2)])


async def test_a_full_queue_drops_the_oldest_events(monkeypatch):
    """Events that arrive during a failed report are newer than those of the report."""
    monkeypatch.setattr(presence_reporter, "QUEUE_MAX", 3)

    class Busy(Upstream):
        """Two more events happen while it fails."""

        async def report_presence(self, events):
            if self.failure:
                reporter.report(event(3))
                reporter.report(event(4))
            await super().report_presence(events)

    upstream = Busy()
    reporter = PresenceReporter(upstream)
    reporter.report(event(1))
    reporter.report(event(2))
    upstream.failure = ApiError("unavailable", "down")
    with suppress(ApiError):
        await reporter.flush()
    upstream.failure = None
    await reporter.flush()
    assert upstream.accepted == [event(2), event(3), event(4)]
