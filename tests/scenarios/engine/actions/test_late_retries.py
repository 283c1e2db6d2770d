"""Devices send a message again that was acknowledged long ago: the server must recognise it."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import STRANGER_SSEQ, Flag, Kind, NamedFlag, id_digest
from gauntlet.scenarios.adapters.base import Entry, Immediate, ProtocolError, Sent
from gauntlet.scenarios.client.receiver import Content
from gauntlet.scenarios.engine.actions.history_reads import ReadPage
from gauntlet.scenarios.engine.actions.late_retries import RETRIES_MAX, LateRetries
from gauntlet.scenarios.workloads.entities import Op

from ...world import ANN, BOB, TALK

INTENDED_NS = NS_PER_S // 2
ANSWER = Sent("yes", 3, conv=TALK.name, client_msg_id="c3", id="m3", stamped_ms=5_000)


def entry(sseq, author=ANN):
    return Entry(TALK.name, sseq, author.name, f"body {sseq}", f"c{sseq}", id=f"m{sseq}")


def content(sseq, author=ANN, flags=0, intended_ns=INTENDED_NS):
    return Content(author.number, sseq, intended_ns, flags)


@pytest.fixture
def bench(world, monkeypatch):
    """The late retries of a worker. `sent` are the retries, and `answers` what they get."""
    answers, sent, tasks = [], [], []

    def send(conv, client_msg_id, body):
        sent.append((conv, client_msg_id, body))
        return Immediate(value=answers.pop(0) if answers else Sent("unknown"))

    async def call_and_wait(_transport, _channel, _gateway, call, _timeout_s):
        if isinstance(call.value, Exception):
            raise call.value
        return call.value

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    errors = []
    channel = SimpleNamespace(
        codec=SimpleNamespace(send=send),
        gateway=0,
        connection_number=11,
        record_error=errors.append,
    )
    reader = SimpleNamespace(user=ANN, request_channel=channel)
    transport = SimpleNamespace(spawn=lambda job: tasks.append(asyncio.ensure_future(job)))

    def made(capabilities=world.context.adapter.capabilities):
        plan = SimpleNamespace(adapter=SimpleNamespace(capabilities=capabilities))
        return LateRetries(plan, world.context, transport)

    for sseq in (3, 4):
        world.ledger.ack(Op(0, TALK, ANN.number, sseq))

    async def read(retries, *messages):
        retries.on_page(ReadPage(reader, TALK, list(messages)))
        await asyncio.gather(*tasks)
        tasks.clear()

    return SimpleNamespace(made=made, read=read, answers=answers, sent=sent, errors=errors)


async def test_the_oldest_own_message_of_a_page_is_sent_again(world, bench):
    bench.answers.append(ANSWER)
    page = (entry(1, BOB), content(1, BOB)), (entry(3), content(3)), (entry(4), content(4))
    await bench.read(bench.made(), *page)
    assert bench.sent == [(TALK.name, "c3", "body 3")]
    attempt, ack, named, stamp = world.records
    known = {"conv": TALK.number, "link": 11, "peer": ANN.number, "sseq": 3}
    known_op = known | {"ref_ns": INTENDED_NS, "spare": 2}
    assert (attempt.kind, attempt.fields) == (Kind.ATTEMPT, known_op)
    assert (ack.kind, ack.fields) == (Kind.ACK, known_op | {"seq": 3})
    assert (named.kind, named.fields) == (Kind.NAMED, known | {"ref_ns": id_digest("m3"), "seq": 3})
    assert (stamp.kind, stamp.fields["seq"]) == (Kind.STAMP, 3)
    assert world.ledger.acked == 2  # counted when they were first acknowledged


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (Sent("yes", 3, conv="d.x.y"), NamedFlag.OTHER_CONVERSATION),
        (Sent("yes", 3, client_msg_id="c9"), NamedFlag.OTHER_MESSAGE),
    ],
)
async def test_an_answer_that_names_something_else_is_recorded(world, bench, answer, wrong):
    bench.answers.append(answer)
    await bench.read(bench.made(), (entry(3), content(3)))
    assert [record.kind for record in world.records] == [Kind.ATTEMPT, Kind.ACK, Kind.NAMED]
    assert world.records[-1].fields["spare"] == wrong


@pytest.mark.parametrize("answer", [Sent("no"), Sent("unknown"), ProtocolError("x"), KeyError("x")])
async def test_another_answer_changes_no_outcome(world, bench, answer):
    bench.answers.append(answer)
    await bench.read(bench.made(), (entry(3), content(3)))
    assert [record.kind for record in world.records] == [Kind.ATTEMPT]
    assert len(bench.errors) == isinstance(answer, KeyError)


@pytest.mark.parametrize(
    "message",
    [
        (entry(1, BOB), content(1, BOB)),
        (entry(5), content(5)),  # not acknowledged
        (entry(3), content(3, flags=Flag.CRC_BAD)),
        (Entry(TALK.name, 3, ANN.name, "body"), content(3)),  # the history names no id
        (entry(3), content(3, intended_ns=-9 * NS_PER_S)),  # as long ago as `give_up_after`
        (entry(STRANGER_SSEQ), content(STRANGER_SSEQ)),
    ],
)
async def test_no_other_message_is_sent_again(bench, message):
    await bench.read(bench.made(), message)
    assert bench.sent == []


async def test_the_number_of_retries_is_limited(bench):
    retries = bench.made()
    for _ in range(RETRIES_MAX + 5):
        await bench.read(retries, (entry(3), content(3)))
    assert len(bench.sent) == RETRIES_MAX


async def test_nothing_is_sent_again_where_it_could_be_stored_twice(bench, world):
    capabilities = world.context.adapter.capabilities - {"idempotent_send"}
    await bench.read(bench.made(capabilities), (entry(3), content(3)))
    assert bench.sent == []
