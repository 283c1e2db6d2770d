"""Requests and connections with a forged login, and without one: the server must refuse all."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import STRANGER_SSEQ, Kind, Probe, ProbeResult
from gauntlet.scenarios.adapters.base import Account, OverSocket, ProtocolError, Response
from gauntlet.scenarios.engine.actions import impostors
from gauntlet.scenarios.engine.actions.impostors import (
    ATTEMPTS_MAX,
    EXPIRED_FOR_NS,
    Impostors,
    forged,
    forgeries,
)

from ...world import ANN, BOB, ROOM, TALK

PAGE = b'{"messages":[{"type":"msg","seq":1,"sender":"u0-0","body":"x"}],"head":1}'
LONG_NS = 100 * NS_PER_S


def plan(world, *conversations, strangers=True, missing=()):
    """Return a plan for 2 s of ramp and 8 s of arrivals."""
    load = SimpleNamespace(ramp=2.0, steady=8.0, strangers=strangers)
    return SimpleNamespace(
        load=SimpleNamespace(scenario=SimpleNamespace(load=load, seed=3)),
        adapter=SimpleNamespace(capabilities=world.context.adapter.capabilities - set(missing)),
        stripe=SimpleNamespace(worker=0),
        traffic=SimpleNamespace(conversations={conv.name: conv for conv in conversations}),
    )


def test_attempts_are_spread_over_the_load_and_name_members(world):
    made = Impostors(plan(world, TALK, ROOM), world.context, None, {})
    actions = list(made.scheduled_actions())
    times = [offset_ns for offset_ns, _, _ in actions]
    assert len(actions) == ATTEMPTS_MAX
    for number, offset_ns in enumerate(times):
        assert 2 + 2 * number <= offset_ns / NS_PER_S <= 4 + 2 * number
    assert all(user in action.keywords["conv"].members for _, user, action in actions)
    assert all(at_ns + act.keywords["left_ns"] == 10 * NS_PER_S for at_ns, _, act in actions)


def test_no_user_is_impersonated_where_there_are_no_strangers(world):
    for made in (
        plan(world, TALK, strangers=False),
        plan(world, TALK, missing=["members_only"]),
        plan(world, TALK, missing=["history"]),
        plan(world),
    ):
        assert list(Impostors(made, world.context, None, {}).scheduled_actions()) == []


@pytest.mark.parametrize("token", ["x", "AB", "payload.signature", "A" * 43, "." * 20])
def test_a_forged_token_differs_in_one_character_but_not_in_the_last(token):
    changed = forged(token)
    differing = [at for at, (one, two) in enumerate(zip(token, changed, strict=True)) if one != two]
    assert len(differing) == 1
    assert differing[0] < max(1, len(token) - 1)


@pytest.mark.parametrize(
    ("token", "others", "further"),
    [
        ("", ("b.2",), []),
        ("opaque", ("b.2",), []),
        ("a.1", (), ["a."]),
        ("a.1", ("a.2", "opaque"), ["a."]),
        ("a.1", ("a.2", "b.2", "c.3"), ["a.", "b.1"]),
        ("head.a.1", ("head.b.2",), ["head.a.", "head.b.1"]),
    ],
)
def test_signatures_are_removed_and_put_behind_the_claims_of_others(token, others, further):
    first = [forged(token)] if token else []
    assert list(forgeries(token, others)) == [*first, *further, ""]


def session_of(world, user, token, number):
    """Return the session of a user with an open connection."""
    codec = world.context.adapter.codec(Account(name=user.name), "d0")
    codec._token = token
    errors = []

    def ask(make, *given):
        try:
            return make(*given)
        except ProtocolError as error:
            errors.append(error)
            return None

    channel = SimpleNamespace(
        codec=codec,
        gateway=0,
        connection_number=number,
        connection=object(),
        ask=ask,
        errors=errors,
    )
    return SimpleNamespace(user=user, connected=True, request_channel=channel)


@pytest.fixture
def bench(world, monkeypatch):
    """Attempts against a server that answers reads, sends and connections with `answers`."""
    tasks, requests, connects = [], [], []
    answers = {
        "GET": Response(401, b"{}"),
        "POST": Response(401, b'{"error":{"code":"unauthorized","message":"","temporary":false,'
                              b'"stored":"no"}}'),
        "connect": ProbeResult.REFUSED,
    }  # fmt: skip

    class Port:
        def spawn(self, job):
            tasks.append(asyncio.ensure_future(job))

        async def request_until_answered(self, _gateway, request, _timeout_s):
            requests.append(request)
            return answers[request.method]

    async def result_of_connecting(_context, _transport, _session, token, device):
        connects.append((token, device))
        return answers["connect"]

    monkeypatch.setattr(impostors, "result_of_connecting", result_of_connecting)
    ann, bob = session_of(world, ANN, "ann.1", 11), session_of(world, BOB, "bob.2", 12)
    made = Impostors(plan(world, TALK), world.context, Port(), {1: ann, 2: bob})

    async def attempt(left_ns=LONG_NS):
        made.impersonate(ann, TALK, left_ns)
        await finish()

    async def finish():
        await asyncio.gather(*tasks)

    return SimpleNamespace(attempt=attempt, answers=answers, requests=requests, session=ann,
                           connects=connects, finish=finish)  # fmt: skip


FORGED = [forged("ann.1"), "ann.", "bob.1", ""]


async def test_each_changed_token_reads_sends_and_connects(world, bench):
    await bench.attempt()
    reads = [request for request in bench.requests if request.method == "GET"]
    sends = [request for request in bench.requests if request.method == "POST"]
    assert [request.token for request in reads] == FORGED
    assert [request.token for request in sends] == FORGED
    assert all("/messages?after=0&limit=10" in request.path for request in reads)
    # The own token is tried for another device.
    assert bench.connects == [*((token, "d0") for token in FORGED), ("ann.1", "d0-2")]
    known = {"ref_ns": world.time_ns, "conv": TALK.number, "link": 11}
    assert {record.kind for record in world.records} == {Kind.PROBE}
    assert {record.fields["spare"] for record in world.records} == {ProbeResult.REFUSED}
    tried = [record.fields["sseq"] for record in world.records]
    assert [tried.count(probe) for probe in (6, 7, 8)] == [4, 4, 5]
    assert world.records[0].fields == known | {"sseq": Probe.IMPOSTOR, "spare": ProbeResult.REFUSED}


async def test_a_message_of_an_impostor_has_a_number_of_its_own_and_names_the_member(world, bench):
    await bench.attempt()
    sends = [json.loads(request.body) for request in bench.requests if request.method == "POST"]
    numbers = [record.fields["peer"] for record in world.records if record.fields["sseq"] == 7]
    for message, number in zip(sends, numbers, strict=True):
        content = world.context.bodies.read(message["body"])
        assert (content.conv, content.author, content.sseq) == (TALK.number, ANN.number, number)
        assert number > STRANGER_SSEQ
    assert len({message["client_msg_id"] for message in sends}) == len({*numbers}) == 4


async def test_what_is_granted_is_recorded_with_how_much_it_was(world, bench):
    bench.answers |= {
        "GET": Response(200, PAGE),
        "POST": Response(201, b'{"conv":"c","seq":9,"msg_id":"m","ts":1}'),
        "connect": ProbeResult.GRANTED,
    }
    await bench.attempt()
    assert {record.fields["spare"] for record in world.records} == {ProbeResult.GRANTED}
    found = {(record.fields["sseq"], record.fields["seq"]) for record in world.records}
    assert found == {(Probe.IMPOSTOR, 1), (Probe.IMPOSTOR_SEND, 9), (Probe.IMPOSTOR_CONNECT, 1)}


async def test_no_answer_says_nothing(world, bench):
    bench.answers |= {"GET": None, "POST": Response(503, b""), "connect": ProbeResult.UNKNOWN}
    await bench.attempt()
    assert {record.fields["spare"] for record in world.records} == {ProbeResult.UNKNOWN}


async def test_a_connection_that_cannot_be_tried_has_no_record(world, bench):
    bench.answers["connect"] = None
    await bench.attempt()
    assert Probe.IMPOSTOR_CONNECT not in {record.fields["sseq"] for record in world.records}


@pytest.mark.parametrize("state", ["offline", "second device"])
async def test_only_the_first_device_of_a_connected_member_is_impersonated(bench, state):
    if state == "offline":
        bench.session.connected = False
    else:
        bench.session.user = SimpleNamespace(device_index=1)
    await bench.attempt()
    assert bench.requests == bench.connects == []


async def test_a_system_without_tokens_cannot_be_tried(world, bench):
    bench.session.request_channel.codec = SimpleNamespace(
        history=lambda _conv, _after, _limit: OverSocket("t", (b"{}",)),
        send=lambda _conv, _ident, _body: OverSocket("t", (b"{}",)),
        login_lasts_s=lambda: 1,
    )
    await bench.attempt()
    assert bench.requests == []
    assert [token for token, _ in bench.connects] == [""]
    assert {record.fields["spare"] for record in world.records[:2]} == {ProbeResult.UNKNOWN}


@pytest.mark.parametrize(
    ("lasts_s", "left_ns", "is_tried"),
    [(8, LONG_NS, True), (8, 8 * NS_PER_S + EXPIRED_FOR_NS, False), (0, LONG_NS, False)],
)
async def test_a_token_that_has_expired_is_tried_as_it_is(world, bench, lasts_s, left_ns, is_tried):
    bench.session.request_channel.codec._lasts_s = lasts_s
    await bench.attempt(left_ns)
    bench.session.request_channel.codec._token = "ann.renewed"
    world.pass_ms(lasts_s * 1000 + 1_900)
    await bench.finish()
    assert "ann.1" not in [request.token for request in bench.requests]
    world.pass_ms(200)
    await bench.finish()
    assert [request.token for request in bench.requests].count("ann.1") == 2 * is_tried
    assert bench.connects.count(("ann.1", "d0")) == is_tried


@pytest.mark.sources  # a compiled codec refuses to hold what is no number
@pytest.mark.parametrize("lasts_s", [None, "8", -1])
async def test_a_lifetime_of_a_login_that_is_no_time_is_recorded(world, bench, lasts_s):
    """The adapter is wrong about it, which must not end the load; nothing expires."""
    bench.session.request_channel.codec._lasts_s = lasts_s
    await bench.attempt()
    (error,) = bench.session.request_channel.errors
    assert "a login lasts" in str(error)
    world.pass_ms(60_000)
    await bench.finish()
    assert "ann.1" not in [request.token for request in bench.requests]


async def test_an_expired_token_is_not_tried_while_the_user_is_offline(world, bench):
    bench.session.request_channel.codec._lasts_s = 8
    await bench.attempt()
    bench.session.connected = False
    world.pass_ms(11_000)
    await bench.finish()
    assert "ann.1" not in [request.token for request in bench.requests]
