"""How long a slow send waits."""

import time

from benchmarks.gate import slow_send
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response


async def _took_s(monkeypatch, method, path, work_s):
    async def handle(self, request):
        time.sleep(work_s)  # noqa: ASYNC251  # as slow code does
        return Response(201, b"")

    monkeypatch.setattr(Gateway, "handle", handle)
    slow_send.install()
    began = time.monotonic()
    response = await Gateway.handle(None, Request(method, path, b"", {}))
    assert response.status == 201
    return time.monotonic() - began


async def test_a_send_takes_at_least_15_percent_longer(monkeypatch):
    took_s = await _took_s(monkeypatch, "POST", "/v1/conversations/d.a.b/messages", 0.1)
    assert took_s >= 0.115


async def test_other_calls_do_not_wait(monkeypatch):
    waited = []

    async def wait_until(deadline):
        waited.append(deadline)

    monkeypatch.setattr(slow_send, "wait_until", wait_until)
    await _took_s(monkeypatch, "GET", "/v1/conversations/d.a.b/messages", 0.0)
    await _took_s(monkeypatch, "POST", "/v1/sessions", 0.0)
    assert waited == []


async def test_a_wait_is_never_too_short():
    for wait_s in (0.0, 0.0005, 0.005):
        deadline = time.monotonic() + wait_s
        await slow_send.wait_until(deadline)
        assert time.monotonic() >= deadline
