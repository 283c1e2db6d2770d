"""The clean-up of several users on a real connection, with a server that is told how to answer."""

import json

import pytest

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Target
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Connected, Kept, OverSocket, Removal, Removed, RunData
from gauntlet.scenarios.cleanup.cleaner import Cleaner, Plan
from gauntlet.scenarios.cleanup.outcome import Status
from gauntlet.scenarios.cleanup.run_record import Member
from gauntlet.scenarios.cleanup.sessions import Sessions
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.workloads.entities import User


class Codec(base.Codec):
    """Asks an echoing server; `broken` raises when it begins."""

    def __init__(self, name, refused):
        self.name, self.refused = name, refused

    def open(self, cursors):
        return json.dumps({"hello": self.name}).encode()

    def read(self, frame):
        message = json.loads(frame)
        if "hello" in message:
            return base.Refused("no", "unknown user") if self.refused else Connected()
        return base.Answer(message["ticket"], Removed(message["count"]))

    def send(self, conv, client_msg_id, body):
        raise NotImplementedError

    def clean_up(self, data):
        if self.name == "odd":
            raise KeyError("odd")
        return [
            Kept("archive", "all", "no operation"),
            Removal("stream", "shared", lambda: self.ask("shared", 1), last=True),
            Removal("inbox", self.name, lambda: self.ask(self.name, 3)),
            Removal("outbox", self.name, self.fail),
        ]

    def ask(self, ticket, count):
        return OverSocket(ticket, (json.dumps({"ticket": ticket, "count": count}).encode(),))

    def fail(self):
        raise ValueError("broken")


class Adapter(base.Adapter):
    """The system of the echoing server."""

    def __init__(self, settings, refused=()):
        self.refused = refused

    def codec(self, account, device):
        return Codec(account.name, account.name in self.refused)


@pytest.fixture
async def echo():
    """The address of a server that returns every text message."""
    from aiohttp import web

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"ws://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    await runner.cleanup()


async def clean(url, *names, refused=(), timeout_s=30.0):
    """Clean up for these users; return the outcomes by kind and name, in their order."""
    members = [Member(User(n, name), RunData()) for n, name in enumerate(names, 1)]
    adapter, outcomes = Adapter({}, refused), {}
    users = [member.user for member in members]
    target, errors = Target(stack="external", url=[url]), ErrorLog(clock.now_ns)
    sessions = Sessions(target, adapter, "websocket", users, [], errors)

    def on_outcome(outcome):
        assert (outcome.kind, outcome.name) not in outcomes
        outcomes[outcome.kind, outcome.name] = outcome

    await Cleaner(Plan(adapter, members), sessions, on_outcome).clean(timeout_s)
    return outcomes


async def test_every_user_removes_what_is_theirs_and_one_what_is_shared(echo):
    found = await clean(echo, "ann", "bob")
    assert found["archive", "all"].status is Status.KEPT
    for name in ("ann", "bob"):
        assert (found["inbox", name].status, found["inbox", name].count) == (Status.REMOVED, 3)
        failed = found["outbox", name]
        assert failed.status is Status.FAILED
        assert "broken" in failed.reason
    assert list(found)[-1] == ("stream", "shared")  # after everything else
    assert len(found) == 6


async def test_an_exception_of_the_adapter_concerns_one_user_only(echo):
    found = await clean(echo, "odd", "ann")
    assert found["user", "odd"].status is Status.FAILED
    assert "KeyError" in found["user", "odd"].reason
    assert found["inbox", "ann"].status is Status.REMOVED


async def test_users_who_cannot_connect_fail_with_the_reason(echo, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.cleanup.sessions.CONNECT_TIMEOUT_S", 1.0)
    found = await clean(echo, "ann", "bob", refused=("bob",))
    assert found["inbox", "ann"].status is Status.REMOVED
    assert found["inbox", "bob"].status is Status.FAILED
    assert "bob could not connect" in found["inbox", "bob"].reason


async def test_if_nobody_can_connect_the_others_are_not_tried(echo, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.cleanup.sessions.CONNECT_TIMEOUT_S", 0.5)
    monkeypatch.setattr("gauntlet.scenarios.cleanup.cleaner.CONNECTIONS_MAX", 1)
    monkeypatch.setattr("gauntlet.scenarios.cleanup.cleaner._REFUSALS_MAX", 1)
    found = await clean(echo, "ann", "bob", refused=("ann", "bob"))
    assert "not tried" in found["inbox", "bob"].reason


async def test_what_is_not_removed_in_time_has_failed(echo):
    found = await clean(echo, "ann", timeout_s=0.0)
    assert found["inbox", "ann"].status is Status.FAILED
    assert "time" in found["inbox", "ann"].reason


async def test_a_host_that_the_run_did_not_allow_is_not_connected_to():
    with pytest.raises(ConfigError, match="allow_hosts"):
        await clean("ws://192.0.2.1:9", "ann")


def test_a_plan_names_what_would_be_removed():
    plan = Plan(Adapter({}), [Member(User(1, "ann"), RunData())])
    assert [(each.kind, each.status) for each in plan.outcomes()] == [
        ("inbox", Status.PLANNED), ("outbox", Status.PLANNED), ("stream", Status.PLANNED),
        ("archive", Status.KEPT),
    ]  # fmt: skip
