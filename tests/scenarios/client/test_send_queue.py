"""Send queues, retries and outcomes."""

import json
from dataclasses import replace
from random import Random

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Flag, Kind, NamedFlag, StampFlag, id_digest
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.scenarios.adapters.base import Entry, OverSocket, Sent
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.receiver import read_content
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.send_queue import SendQueue
from gauntlet.scenarios.metrics.server_times import ServerTimes
from gauntlet.scenarios.workloads.entities import Conversation, Op

from ..world import ANN, BOB, ROOM, TALK, World

NO = {"error": {"code": "unavailable", "message": "", "temporary": True, "stored": "no"}}
UNKNOWN = {"error": {"code": "timeout", "message": "", "temporary": True, "stored": "unknown"}}
FORBIDDEN = {"error": {"code": "forbidden", "message": "", "temporary": False, "stored": "no"}}


@pytest.fixture
def send_queue(world):
    """Ann's send queue."""
    return SendQueue(world.context, RequestChannel(world.context, ANN, gateway=0), Random(1))


def submit(world, send_queue, sseq=1, conv=TALK):
    """Submit an op that is due now."""
    send_queue.submit(Op(0, conv, 1, sseq), world.time_ns)


def outcome(world):
    """Return the kinds of the records that ended ops."""
    return [r.kind for r in world.kinds(Kind.ACK, Kind.REJECT, Kind.UNKNOWN)]


def test_an_acknowledged_send_is_recorded_and_its_deliveries_expected(world, send_queue):
    submit(world, send_queue)
    world.pass_ms(20)
    world.take().answer(201, {"conv": TALK.name, "seq": 4, "msg_id": "m", "ts": 0})
    (ack,) = world.kinds(Kind.ACK)
    assert (ack.fields["seq"], ack.fields["sseq"], ack.fields["spare"]) == (4, 1, 1)
    assert ack.t_ns - ack.fields["ref_ns"] == 20_000_000
    assert (world.ledger.acked, world.ledger.expected) == (1, 2)


def test_a_conversation_has_one_send_in_flight(world, send_queue):
    submit(world, send_queue, 1)
    submit(world, send_queue, 2)
    submit(world, send_queue, 1, ROOM)
    assert [asked.request.path.split("/")[3] for asked in world.asked] == [TALK.name, ROOM.name]
    world.take().answer(201, {"seq": 1})
    assert world.asked[-1].request.path.split("/")[3] == TALK.name
    assert len(world.kinds(Kind.OP)) == 3
    assert len(world.kinds(Kind.ATTEMPT)) == 3


def test_a_retry_sends_the_same_message_to_another_gateway(world, send_queue):
    submit(world, send_queue)
    first = world.take()
    first.fail()
    world.pass_ms(150)
    second = world.take()
    assert second.request == first.request
    assert second.gateway != first.gateway
    second.answer(200, {"seq": 1, "dup": True})
    assert outcome(world) == [Kind.ACK]
    assert [record.fields["spare"] for record in world.kinds(Kind.ATTEMPT)] == [1, 2]


def test_message_ids_contain_the_tag_of_the_run(world):
    """A system that remembers an earlier run must not take a message for a copy."""
    asked = []
    for tag in ("", "ab12-"):
        world.context = replace(world.context, tag=tag)
        request_channel = RequestChannel(world.context, ANN, ANN.number)
        submit(world, SendQueue(world.context, request_channel, Random(1)))
        asked.append(json.loads(world.take().request.body)["client_msg_id"])
    assert asked == ["g1.1.1.1", "g1.ab12-1.1.1"]


@pytest.mark.parametrize(("adapter", "expected"), [(Reference, "g1.s.7"), (Xmpp, "g1.1.2.7")])
def test_every_second_user_shares_ids_where_they_are_those_of_a_sender(adapter, expected):
    """A server that forgets who sent a message, and where, takes one for a copy of another."""
    names = World(adapter({})).context.names
    assert names.client_msg_id(TALK.number, 1, 7) == "g1.1.1.7"
    assert names.client_msg_id(TALK.number, 2, 7) == expected


def test_the_ids_of_sends_and_of_what_their_answers_must_name_are_the_same(world):
    request_channel = RequestChannel(world.context, BOB, BOB.number)
    SendQueue(world.context, request_channel, Random(1)).submit(Op(0, ROOM, BOB.number, 1), 0)
    asked = world.take()
    assert json.loads(asked.request.body)["client_msg_id"] == "g1.s.1"
    asked.answer(201, {"seq": 1, "client_msg_id": "g1.s.1"})
    (named,) = world.kinds(Kind.NAMED)
    assert named.fields["spare"] == 0


def test_several_failures_of_one_gateway_lead_to_the_next_one_only(world, send_queue):
    """Otherwise two failed sends would lead back to it."""
    submit(world, send_queue, 1, TALK)
    submit(world, send_queue, 1, ROOM)
    for asked in (world.take(), world.take()):
        assert asked.gateway == 0
        asked.fail()
    world.pass_ms(250)
    assert [asked.gateway for asked in world.asked] == [1, 1]


def answer_all(world, answer):
    """Answer every attempt until the op ends or time is up."""
    for _ in range(2000):
        while world.asked:
            answer(world.take())
        world.pass_ms(10)


def test_a_send_without_any_answer_ends_as_unknown_in_time(world, send_queue):
    submit(world, send_queue)
    answer_all(world, lambda asked: asked.fail())
    assert outcome(world) == [Kind.UNKNOWN]
    assert world.ledger.unknown == 1
    last = world.kinds(Kind.ATTEMPT)[-1]
    assert last.t_ns - last.fields["ref_ns"] <= world.context.limits.give_up_after_ns


def test_a_temporary_refusal_is_retried_and_ends_as_rejected(world, send_queue):
    submit(world, send_queue)
    answer_all(world, lambda asked: asked.answer(503, NO))
    assert outcome(world) == [Kind.REJECT]
    assert len(world.kinds(Kind.ATTEMPT)) > 3


def test_one_attempt_with_an_unknown_outcome_makes_the_send_unknown(world, send_queue):
    """`stored: no` of a later attempt proves nothing about an earlier one."""
    submit(world, send_queue)
    world.take().answer(504, UNKNOWN)
    answer_all(world, lambda asked: asked.answer(503, NO))
    assert outcome(world) == [Kind.UNKNOWN]


def test_a_permanent_refusal_is_not_retried_and_the_queue_continues(world, send_queue):
    submit(world, send_queue, 1)
    submit(world, send_queue, 2)
    world.take().answer(403, FORBIDDEN)
    assert outcome(world) == [Kind.REJECT]
    assert len(world.asked) == 1


def test_a_retry_waits_at_least_for_retry_after(world, send_queue):
    submit(world, send_queue)
    world.take().answer(503, NO, retry_after_s=3.0)
    world.pass_ms(2_900)
    assert world.asked == []
    world.pass_ms(200)
    assert len(world.asked) == 1


def response_us(world):
    """Return the response latencies of the second, in microseconds."""
    histogram = world.context.latencies
    return [int(ns) // 1000 for ns in histogram.take_second()["response"]]


def test_a_send_without_an_answer_enters_the_latencies_with_its_age(world, send_queue):
    submit(world, send_queue, 1, ROOM)
    world.take().answer(403, FORBIDDEN)
    submit(world, send_queue, 1)
    world.pass_ms(40)
    submit(world, send_queue, 2)
    world.pass_ms(10)
    send_queue.abandon()
    assert response_us(world) == [10_000, 50_000]


def test_pending_sends_are_counted_per_conversation(world, send_queue):
    assert send_queue.pending(TALK.number) == 0
    submit(world, send_queue, 1)
    submit(world, send_queue, 2)
    assert (send_queue.pending(TALK.number), send_queue.pending(ROOM.number)) == (2, 0)
    world.take().answer(201, {"seq": 1})
    assert send_queue.pending(TALK.number) == 1


def test_abandoning_ends_every_op_once(world, send_queue):
    """In flight: unknown; never tried: rejected; a late answer is ignored."""
    submit(world, send_queue, 1)
    submit(world, send_queue, 2)
    send_queue.abandon()
    world.take().answer(201, {"seq": 1})
    world.pass_ms(500)
    assert outcome(world) == [Kind.UNKNOWN, Kind.REJECT]
    assert world.ledger.outstanding == 0
    assert world.asked == []


class SocketAdapter(Reference):
    """Sends over the connection; without idempotent sends."""

    capabilities = frozenset({SERVER_SEQ})

    def codec(self, account, device):
        codec = super().codec(account, device)
        codec_class = type("Codec", (type(codec),), {"send": send_over_socket, "__slots__": ()})
        return codec_class(account.name, device)


def send_over_socket(self, conv, client_msg_id, body):
    if "broken" in conv:
        raise KeyError("no topic for this conversation")
    return OverSocket(ticket=client_msg_id, frames=(b'{"sent": {}}',))


@pytest.fixture
def over_socket():
    """A world and the send queue and channel of a user whose sends go over the connection."""
    world = World(SocketAdapter({}))
    channel = RequestChannel(world.context, ANN, gateway=0)
    return world, channel, SendQueue(world.context, channel, Random(1))


def link(number):
    return Connection(session=None, url="", dialled_ns=0, number=number)


def test_a_send_without_a_connection_is_held_and_sent_on_the_next_one(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="yes", seq=1))
    channel.connection = None
    submit(world, queue, 2)
    world.pass_ms(60_000, step_ms=500)
    assert len(world.kinds(Kind.ATTEMPT)) == 1
    channel.connection = link(2)
    queue.send_held()
    channel.complete("g1.1.1.2", Sent(stored="yes", seq=2))
    assert outcome(world) == [Kind.ACK, Kind.ACK]
    assert len(world.frames) == 2


def test_a_send_that_was_never_attempted_is_not_counted_as_refused(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="no", temporary=False))
    channel.connection = None
    submit(world, queue, 2)
    queue.abandon()
    channel.connection = link(2)
    queue.send_held()
    assert (world.ledger.rejected, world.ledger.untried, world.ledger.outstanding) == (1, 1, 0)
    assert [record.fields["spare"] for record in world.kinds(Kind.REJECT)] == [1, 0]


def test_calls_of_a_lost_connection_are_given_up_on_a_new_one_that_is_not_resumed(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.connection = link(2)
    channel.give_up_calls_of_other_connections()
    assert outcome(world) == [Kind.UNKNOWN]


def test_a_message_that_is_handed_over_is_acknowledged_with_a_flag(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="handed-over"))
    (ack,) = world.kinds(Kind.ACK)
    assert ack.fields["flags"] == Flag.HANDED_OVER


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ({"id": "srv-1"}, 0),
        ({"conv": TALK.name, "client_msg_id": "g1.1.1.1"}, 0),
        ({"conv": ROOM.name}, NamedFlag.OTHER_CONVERSATION),
        ({"client_msg_id": "g1.1.1.2"}, NamedFlag.OTHER_MESSAGE),
        (
            {"conv": ROOM.name, "client_msg_id": "?"},
            NamedFlag.OTHER_CONVERSATION | NamedFlag.OTHER_MESSAGE,
        ),
    ],
)
def test_what_an_acknowledgement_names_is_compared_with_its_message(over_socket, names, wrong):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="yes", seq=7, **names))
    (named,) = world.kinds(Kind.NAMED)
    assert (named.fields["seq"], named.fields["sseq"], named.fields["spare"]) == (7, 1, wrong)
    assert named.fields["ref_ns"] == id_digest(names.get("id", ""))


def test_an_acknowledgement_that_names_nothing_has_no_further_record(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="yes", seq=7))
    assert world.kinds(Kind.NAMED) == []


def test_the_time_stamp_of_an_acknowledgement_is_recorded_on_the_workers_clock(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    world.context.server_times = ServerTimes(
        lambda: world.time_ns, lambda: world.time_ns + 7 * NS_PER_S
    )
    channel.complete("g1.1.1.1", Sent(stored="yes", seq=7, stamped_ms=8_500))
    (stamp,) = world.kinds(Kind.STAMP)
    assert stamp.fields["ref_ns"] == 1.5 * NS_PER_S
    assert (stamp.fields["seq"], stamp.fields["sseq"]) == (7, 1)


def test_a_copy_that_came_before_the_acknowledgement_is_recorded_if_its_names_differ(world):
    world.context.server_times = ServerTimes(lambda: world.time_ns, lambda: world.time_ns)
    queue = SendQueue(world.context, RequestChannel(world.context, ANN, gateway=0), Random(1))
    for sseq, shown in ((1, "m2"), (2, "m2")):
        submit(world, queue, sseq)
        asked = world.take()
        copy = Entry(TALK.name, sseq, ANN.name, world.body(asked), id=shown, stamped_ms=900)
        assert not read_content(world.context, TALK, copy).named
        answer = {"conv": TALK.name, "seq": sseq, "msg_id": f"m{sseq}", "ts": 902 - sseq}
        asked.answer(201, answer)
    named = [record.fields for record in world.kinds(Kind.NAMED)]
    known = {"conv": TALK.number, "peer": ANN.number, "sseq": 1}
    assert [fields["ref_ns"] for fields in named] == list(map(id_digest, ("m1", "m2", "m2")))
    assert named[1] == known | {"ref_ns": id_digest("m2"), "spare": NamedFlag.SHOWN}
    stamps = [record.fields["spare"] for record in world.kinds(Kind.STAMP)]
    assert stamps == [StampFlag.DIFFERS, 0]


def test_an_exception_of_the_adapter_ends_the_send_and_is_recorded(over_socket):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1, Conversation(9, "broken", "direct", (1, 2)))
    assert outcome(world) == [Kind.REJECT]
    (error,) = world.errors.counts()
    assert (error.kind, error.count) == ("adapter", 1)
    assert error.text.startswith("KeyError: 'no topic for this conversation' (test_send_queue.py:")


@pytest.mark.parametrize("seq", [-5, 1 << 62, "7", None])
def test_an_acknowledgement_with_an_impossible_position_is_no_answer(over_socket, seq):
    world, channel, queue = over_socket
    channel.connection = link(1)
    submit(world, queue, 1)
    channel.complete("g1.1.1.1", Sent(stored="yes", seq=seq))
    assert outcome(world) == [Kind.UNKNOWN]
    (error,) = world.errors.counts()
    assert error.kind == "protocol"
    assert "the position in an acknowledgement" in error.text
