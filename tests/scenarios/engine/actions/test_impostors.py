"""Requests with a forged login, and without one: the server must refuse both."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind, Probe, ProbeResult
from gauntlet.scenarios.adapters.base import Account, OverSocket, Response
from gauntlet.scenarios.engine.actions.impostors import ATTEMPTS_MAX, Impostors, forged

from ...world import ANN, ROOM, TALK

PAGE = b'{"messages":[{"type":"msg","seq":1,"sender":"u0-0","body":"x"}],"head":1}'


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
    made = Impostors(plan(world, TALK, ROOM), world.context, None)
    actions = list(made.scheduled_actions())
    times = [offset_ns for offset_ns, _, _ in actions]
    assert len(actions) == ATTEMPTS_MAX
    for number, offset_ns in enumerate(times):
        assert 2 + 2 * number <= offset_ns / NS_PER_S <= 4 + 2 * number
    assert all(user in action.keywords["conv"].members for _, user, action in actions)


def test_no_user_is_impersonated_where_there_are_no_strangers(world):
    for made in (
        plan(world, TALK, strangers=False),
        plan(world, TALK, missing=["members_only"]),
        plan(world, TALK, missing=["history"]),
        plan(world),
    ):
        assert list(Impostors(made, world.context, None).scheduled_actions()) == []


@pytest.mark.parametrize("token", ["x", "AB", "payload.signature", "A" * 43, "." * 20])
def test_a_forged_token_differs_in_one_character_but_not_in_the_last(token):
    changed = forged(token)
    differing = [at for at, (one, two) in enumerate(zip(token, changed, strict=True)) if one != two]
    assert len(differing) == 1
    assert differing[0] < max(1, len(token) - 1)


@pytest.fixture
def bench(world):
    """Attempts against a server that answers each request with the next of `answers`."""
    answers, tasks, requests = [], [], []

    class Port:
        def spawn(self, job):
            tasks.append(asyncio.ensure_future(job))

        async def request_until_answered(self, _gateway, request, _timeout_s):
            requests.append(request)
            return answers.pop(0)

    codec = world.context.adapter.codec(Account(name=ANN.name), "d0")
    codec._token = "claims.signature"
    channel = SimpleNamespace(codec=codec, gateway=0, connection_number=11, connection=object(),
                              ask=lambda function: function())  # fmt: skip
    session = SimpleNamespace(user=ANN, connected=True, request_channel=channel)
    made = Impostors(plan(world, TALK), world.context, Port())

    async def attempt():
        made.impersonate(session, conv=TALK)
        await asyncio.gather(*tasks)

    return SimpleNamespace(attempt=attempt, answers=answers, requests=requests, session=session)


async def test_a_forged_token_and_none_are_tried_and_recorded(world, bench):
    bench.answers += [Response(401, b"{}"), Response(200, PAGE)]
    await bench.attempt()
    first, second = bench.requests
    assert first.path == second.path
    assert "/messages?after=0&limit=10" in first.path
    assert (first.token, second.token) == (forged("claims.signature"), "")
    refused, granted = world.records
    known = {"ref_ns": world.time_ns, "conv": TALK.number, "link": 11, "sseq": Probe.IMPOSTOR}
    assert {refused.kind, granted.kind} == {Kind.PROBE}
    assert refused.fields == known | {"spare": ProbeResult.REFUSED}
    assert granted.fields == known | {"seq": 1, "spare": ProbeResult.GRANTED}


async def test_no_answer_says_nothing(world, bench):
    bench.answers += [None, Response(503, b"")]
    await bench.attempt()
    assert {record.fields["spare"] for record in world.records} == {ProbeResult.UNKNOWN}


@pytest.mark.parametrize("state", ["offline", "second device"])
async def test_only_the_first_device_of_a_connected_member_is_impersonated(bench, state):
    if state == "offline":
        bench.session.connected = False
    else:
        bench.session.user = SimpleNamespace(device_index=1)
    await bench.attempt()
    assert bench.requests == []


async def test_a_system_without_tokens_cannot_be_tried(world, bench):
    bench.session.request_channel.codec = SimpleNamespace(
        history=lambda _conv, _after, _limit: OverSocket("t", (b"{}",))
    )
    await bench.attempt()
    assert bench.requests == []
    assert {record.fields["spare"] for record in world.records} == {ProbeResult.UNKNOWN}
