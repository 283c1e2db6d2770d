"""Two accounts outside the load block each other in turn; what the blocked one tries is seen."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind, Probe, ProbeResult
from gauntlet.core.scenario.capabilities import MEMBERS_ONLY, OPEN_ACCOUNTS
from gauntlet.scenarios.adapters.base import Response, Sent
from gauntlet.scenarios.adapters.reference_codec import ReferenceCodec
from gauntlet.scenarios.engine.actions import blocks
from gauntlet.scenarios.engine.actions.blocks import Blocks

from ...world import ANN, TALK

FORBIDDEN = Response(
    403, b'{"error":{"code":"forbidden","message":"","temporary":false,"stored":"no"}}'
)
LOGIN = {"token": "t", "api": [], "connect": {"url": "ws://x", "environment": "blue"}}
SENT = {"conv": "", "client_msg_id": "", "seq": 1, "msg_id": "m", "ts": 1}


class Server:
    """Answers as a server does that keeps blocks, or as a test says by method and kind of path."""

    def __init__(self):
        self.asked, self.answers = [], {}

    async def request_until_answered(self, _gateway, request, _timeout_s):
        kind = "messages" if request.path.endswith("/messages") else request.path.split("/")[2]
        kind = "block" if request.path.endswith("/block") else kind
        self.asked.append((request.method, request.path))
        if (request.method, kind) in self.answers:
            return self.answers[request.method, kind]
        if kind == "sessions":
            return Response(201, json.dumps(LOGIN).encode())
        return Response(200, b"{}") if kind == "block" else FORBIDDEN


@pytest.fixture
def bench(world, monkeypatch):
    """The rounds of a load with 4 s of ramp and 13 s of arrivals, without waiting for time."""
    server, tasks = Server(), []

    async def sleep(seconds):
        world.time_ns += int(seconds * NS_PER_S)

    monkeypatch.setattr(blocks, "asyncio", SimpleNamespace(sleep=sleep))
    load = SimpleNamespace(ramp=4.0, steady=13.0, strangers=True)
    plan = SimpleNamespace(
        load=SimpleNamespace(scenario=SimpleNamespace(load=load)),
        adapter=SimpleNamespace(capabilities={MEMBERS_ONLY, OPEN_ACCOUNTS}),
        traffic=SimpleNamespace(users=[ANN], conversations={TALK.name: TALK}),
        stripe=SimpleNamespace(worker=3),
    )
    server.spawn = lambda job: tasks.append(asyncio.ensure_future(job))
    errors = []

    def ask(make):
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - as the channel does
            errors.append(error)

    channel = SimpleNamespace(connection_number=11, ask=ask, record_error=errors.append)
    session = SimpleNamespace(request_channel=channel)

    async def run():
        ((offset_ns, user, action),) = Blocks(plan, world.context, server).scheduled_actions()
        assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
        action(session)
        action(session)  # the engine calls it for each device
        (task,) = tasks
        await task

    return SimpleNamespace(run=run, server=server, plan=plan, world=world, errors=errors)


def probes(world):
    """Return what was tried, and its result."""
    return [(kept.fields["sseq"], kept.fields["spare"]) for kept in world.kinds(Kind.PROBE)]


async def test_each_account_blocks_the_other_in_turn(world, bench):
    await bench.run()
    refused = ProbeResult.REFUSED
    tried = [(Probe.BLOCKED_SEND, refused), (Probe.BLOCKED_REQUEST, refused)]
    assert probes(world) == tried * 2
    blocked = [path for method, path in bench.server.asked if path.endswith("/block")]
    first, second = (f"/v1/friends/{world.context.tag}b3-{number}/block" for number in (1, 0))
    assert blocked == [first, first, second, second]
    (conv,) = {path for _, path in bench.server.asked if path.endswith("/messages")}
    assert conv == f"/v1/conversations/d.{world.context.tag}b3-0.{world.context.tag}b3-1/messages"


async def test_an_accepted_message_and_an_accepted_request_are_granted(world, bench):
    bench.server.answers["POST", "messages"] = Response(201, json.dumps(SENT).encode())
    bench.server.answers["PUT", "friends"] = Response(200, b'{"state":"requested"}')
    await bench.run()
    assert {result for _, result in probes(world)} == {ProbeResult.GRANTED}


@pytest.mark.parametrize("answer", [None, Response(503, b""), FORBIDDEN])
async def test_a_block_that_the_server_did_not_confirm_is_tried_by_nobody(answer, world, bench):
    bench.server.answers["PUT", "block"] = answer
    await bench.run()
    assert probes(world) == []


@pytest.mark.parametrize("answer", [None, Response(503, b"")])
async def test_an_attempt_without_an_answer_is_unknown(answer, world, bench):
    bench.server.answers["POST", "messages"] = answer
    await bench.run()
    assert probes(world)[0] == (Probe.BLOCKED_SEND, ProbeResult.UNKNOWN)


async def test_accounts_that_cannot_log_in_block_nobody(world, bench):
    bench.server.answers["POST", "sessions"] = None
    await bench.run()
    assert probes(world) == []
    assert {path for _, path in bench.server.asked} == {"/v1/sessions"}


@pytest.mark.parametrize("without", [MEMBERS_ONLY, OPEN_ACCOUNTS, "strangers"])
def test_nobody_is_blocked_where_it_was_not_declared_or_is_excluded(without, bench):
    bench.plan.adapter.capabilities -= {without}
    bench.plan.load.scenario.load.strangers = without != "strangers"
    assert list(Blocks(bench.plan, bench.world.context, bench.server).scheduled_actions()) == []


async def test_an_adapter_without_blocks_makes_no_request(world, bench, monkeypatch):
    codec = SimpleNamespace(block=lambda _user: None)
    monkeypatch.setattr(type(world.context.adapter), "codec", lambda *_: codec)
    await bench.run()
    assert bench.server.asked == []


async def test_an_answer_that_the_adapter_cannot_read_is_one_unknown_attempt(bench, monkeypatch):
    """An exception that leaves the rounds would end the whole load."""
    assess = blocks.strangers.assess

    def fail_for_sends(value):
        if isinstance(value, Sent):
            raise KeyError("seq")
        return assess(value)

    monkeypatch.setattr(blocks.strangers, "assess", fail_for_sends)
    bench.server.answers["POST", "messages"] = Response(200, json.dumps(SENT).encode())
    await bench.run()
    assert probes(bench.world)[:2] == [
        (Probe.BLOCKED_SEND, ProbeResult.UNKNOWN),
        (Probe.BLOCKED_REQUEST, ProbeResult.REFUSED),
    ]
    assert [type(error) for error in bench.errors] == [KeyError] * (len(probes(bench.world)) // 2)


async def test_an_adapter_that_cannot_make_a_request_makes_no_attempt(bench, monkeypatch):
    def befriend(*_):
        raise TypeError

    monkeypatch.setattr(ReferenceCodec, "befriend", befriend)
    await bench.run()
    assert {probe for probe, _ in probes(bench.world)} == {Probe.BLOCKED_SEND}
    assert bench.errors
