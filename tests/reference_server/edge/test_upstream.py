"""The calls of an edge: how the pages of the heads become one."""

import pytest

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.edge import upstream
from gauntlet.reference_server.edge.upstream import Upstream


class PagedService:
    """A message service in which a user is in some conversations; pages have two."""

    def __init__(self, count):
        self.heads = {f"r.{number}": number for number in range(count)}
        self.requests = 0

    async def request(self, service, method, path, kind, body=None, *, after):
        assert (service, method, path) == ("message", "GET", "/internal/users/ann/heads")
        self.requests += 1
        convs = [conv for conv in sorted(self.heads) if conv > after][:2]
        return HeadsPage({conv: self.heads[conv] for conv in convs}, 100 + self.requests)


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (2, 2), (5, 3)])
async def test_all_pages_of_the_heads_are_read(monkeypatch, count, requests):
    """What changes while later pages are read is polled after the watermark of the first one."""
    monkeypatch.setattr(upstream, "HEADS_MAX", 2)
    service = PagedService(count)
    assert await Upstream("edge-1", service).heads("ann") == HeadsPage(service.heads, 101)
    assert service.requests == requests
