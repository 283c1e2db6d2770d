"""MQTT 5: what the contract tests do not cover."""

import mqtt5
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import RESUME
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account, Answer, Binary, Entry, SendFrames, Sent
from gauntlet.scenarios.adapters.mqtt import Mqtt

from .events import flat

CONV = "d.ann.bob"


def session(**settings):
    return Mqtt(settings).codec(Account(name="ann"), "d0")


def receive(codec, *packets):
    return flat(codec.read(Binary(b"".join(packet.write() for packet in packets))))


def connected(codec, **fields):
    codec.open({})
    return receive(codec, mqtt5.ConnAckPacket(**fields))


def sent_packets(frames):
    return [mqtt5.read(memoryview(frame))[0] for frame in frames]


def push(packet_id=None, qos=0, **fields):
    properties = [("sender", "bob"), ("id", "m1")]
    return mqtt5.PublishPacket(
        f"gauntlet/{CONV}", b"hi", qos=mqtt5.QoS(qos), packet_id=packet_id,
        user_properties=properties, **fields,
    )  # fmt: skip


def test_packets_are_cut_wherever_a_frame_ends():
    codec = session()
    connected(codec)
    data = push().write()
    assert flat(codec.read(Binary(data[:7]))) == []
    (entry,) = flat(codec.read(Binary(data[7:])))
    assert (entry.conv, entry.sender, entry.client_msg_id) == (CONV, "bob", "m1")


@pytest.mark.parametrize("data", [b"{", b"\xff\x01x", b"\x00\x00"])
def test_bytes_that_are_no_packet_are_a_protocol_error(data):
    codec = session()
    connected(codec)
    with pytest.raises(base.ProtocolError):
        codec.read(Binary(data + bytes(20)))


# The library reports the UnicodeDecodeError before it panics.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("part", [b"gauntlet", b"sender", b"bob"])
def test_text_that_is_no_utf_8_is_a_protocol_error(part):
    """The library panics for it, which is no Exception and would end the load."""
    codec = session()
    connected(codec)
    with pytest.raises(base.ProtocolError, match="not a packet of MQTT 5"):
        codec.read(Binary(push().write().replace(part, b"\xff" + part[1:])))


def test_a_session_of_this_run_is_resumed_and_one_of_an_earlier_run_only_taken_over():
    """The broker pushes what it has queued; the codec knows none of the calls of the other run."""
    codec = session(clean_start=False)
    first, _ = mqtt5.read(memoryview(codec.open({})))
    assert not first.clean_start
    assert first.session_expiry_interval == 600
    assert not connected(codec, session_present=True)[-1].resumed
    codec = session()
    assert not connected(codec, session_present=False)[-1].resumed
    codec.lost()
    again, _ = mqtt5.read(memoryview(codec.open({})))
    assert not again.clean_start
    assert receive(codec, mqtt5.ConnAckPacket(session_present=True))[-1].resumed


@pytest.mark.parametrize(
    "settings", [{}, {"persistent": False}, {"clean_start": False, "persistent": False}]
)
def test_the_first_connection_starts_clean_by_default_and_without_persistent_sessions(settings):
    first, _ = mqtt5.read(memoryview(session(**settings).open({})))
    assert first.clean_start


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_an_old_session_pushes_early_follows_the_greeting(qos):
    """No connection is known before it; the messages are acknowledged all the same."""
    codec = session(qos=2)
    codec.set_conversations({CONV: ["ann", "bob"]})
    early = push(packet_id=7 if qos else None, qos=qos)
    codec.open({})
    subscribe, *acknowledged = receive(codec, mqtt5.ConnAckPacket(session_present=True), early)
    assert len(acknowledged) == (qos > 0)
    (packet,) = sent_packets(subscribe.frames)
    up, entry, *_ = receive(
        codec, mqtt5.SubAckPacket(packet.packet_id, [mqtt5.SubAckReasonCode(2)])
    )
    assert isinstance(up, base.Connected)
    assert isinstance(entry, Entry)
    (later,) = (event for event in receive(codec, push()) if isinstance(event, Entry))
    assert later.body == "hi"


def test_members_are_subscribed_before_the_user_counts_as_connected():
    codec = session(qos=2)
    codec.set_conversations({"r.a/b": ["ann", "bob"]})
    (subscribe,) = connected(codec)
    (packet,) = sent_packets(subscribe.frames)
    (topic,) = packet.topic_filters
    assert (topic.pattern, topic.no_local) == ("gauntlet/r.a%2Fb", True)
    codes = [mqtt5.SubAckReasonCode(2)]
    (up,) = receive(codec, mqtt5.SubAckPacket(packet.packet_id, codes))
    assert isinstance(up, base.Connected)


def test_a_refused_subscription_is_no_connection():
    codec = session()
    codec.set_conversations({CONV: ["ann", "bob"]})
    (subscribe,) = connected(codec)
    (packet,) = sent_packets(subscribe.frames)
    codes = [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]
    (refused,) = receive(codec, mqtt5.SubAckPacket(packet.packet_id, codes))
    assert isinstance(refused, base.Refused)
    assert "NOT_AUTHORIZED" in refused.code


def test_qos_0_is_handed_over_without_an_answer():
    codec = session(qos=0)
    connected(codec)
    call = codec.send(CONV, "m1", "hi")
    assert call == base.Immediate(Sent("handed-over"), call.frames)
    (packet,) = sent_packets(call.frames)
    assert packet.payload == b"hi"


def test_qos_2_is_acknowledged_by_the_last_of_four_packets():
    codec = session(qos=2)
    connected(codec)
    (packet,) = sent_packets(codec.send(CONV, "m1", "hi").frames)
    (release,) = receive(codec, mqtt5.PubRecPacket(packet.packet_id))
    assert isinstance(sent_packets(release.frames)[0], mqtt5.PubRelPacket)
    (answer,) = receive(codec, mqtt5.PubCompPacket(packet.packet_id))
    assert answer == Answer("m1", Sent("yes"))


def test_what_was_in_flight_is_sent_again_on_a_resumed_session():
    codec = session()
    connected(codec)
    codec.send(CONV, "m1", "hi")
    codec.lost()
    frames, up = connected(codec, session_present=True)
    (packet,) = sent_packets(frames.frames)
    assert packet.duplicate
    assert up.resumed


def test_no_more_messages_are_in_flight_than_the_broker_accepts():
    codec = session()
    connected(codec, receive_max=1)
    (packet,) = sent_packets(codec.send(CONV, "m1", "hi").frames)
    assert codec.send(CONV, "m2", "hi").frames == ()
    answer, more = receive(codec, mqtt5.PubAckPacket(packet.packet_id))
    assert answer.ticket == "m1"
    assert isinstance(more, SendFrames)


def test_a_message_that_the_broker_refuses_is_not_stored():
    codec = session()
    connected(codec)
    (packet,) = sent_packets(codec.send(CONV, "m1", "hi").frames)
    code = mqtt5.PubAckReasonCode.NOT_AUTHORIZED
    (answer,) = receive(codec, mqtt5.PubAckPacket(packet.packet_id, reason_code=code))
    assert answer.value == Sent("no", temporary=False)


def test_a_repetition_is_recognised_with_qos_1_and_a_violation_with_qos_0():
    codec = session()
    connected(codec)
    ids = [event.id for event in receive(codec, push(), push(3, 1)) if isinstance(event, Entry)]
    assert ids == ["", "m1"]


def test_qos_2_is_not_delivered_again_before_its_release():
    codec = session(qos=2)
    connected(codec)
    events = receive(codec, push(3, 2), push(3, 2, duplicate=True))
    assert sum(isinstance(event, Entry) for event in events) == 1


def test_what_a_system_forgets_is_declared():
    assert Mqtt({}).capabilities >= {RESUME}
    assert not Mqtt({}).traits.at_most_once
    for settings in ({"qos": 0}, {"persistent": False}):
        adapter = Mqtt(settings)
        assert RESUME not in adapter.capabilities
        assert adapter.traits.at_most_once
    assert not Mqtt({"qos": 0, "at_most_once": False}).traits.at_most_once


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"qos": 3}, "target.server.qos must be one of: 0, 1, 2; got 3"),
        ({"persistent": "yes"}, "target.server.persistent must be true or false; got yes"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Mqtt(settings)


def cleaning(**settings):
    """A codec that cleans up after a run which wrote "ours"; its removals by kind."""
    codec = session(**settings)
    removals = codec.clean_up(base.RunData(wrote=lambda body: body == "ours"))
    codec.set_conversations({CONV: ["ann", "bob"]})
    return codec, {removal.kind: removal for removal in removals}


@pytest.mark.parametrize("present", [True, False])
def test_a_clean_up_ends_the_session_that_the_run_has_left(present):
    codec, removals = cleaning()
    connect, _ = mqtt5.read(memoryview(codec.open({})))
    assert not connect.clean_start  # which would discard a session without a sign of it
    assert not connect.session_expiry_interval
    (subscribe,) = receive(codec, mqtt5.ConnAckPacket(session_present=present))
    (packet,) = sent_packets(subscribe.frames)
    codes = [mqtt5.SubAckReasonCode(1)]
    assert not receive(codec, mqtt5.SubAckPacket(packet.packet_id, codes))[-1].resumed
    call = removals["session"].begin()
    assert call.value == base.Removed(int(present))
    assert isinstance(sent_packets(call.frames)[0], mqtt5.DisconnectPacket)


def test_a_clean_up_clears_retained_messages_of_the_run_and_no_others():
    codec, removals = cleaning()
    connected(codec)
    call = removals["retained messages of a session"].begin()
    for topic, body, retain in (
        ("a", b"ours", True),
        ("b", b"theirs", True),
        ("c", b"ours", False),
    ):
        packet = mqtt5.PublishPacket(topic, body, retain=retain)
        assert receive(codec, packet) == []
    clear, answer, _ = receive(codec, mqtt5.PingRespPacket())
    (packet,) = sent_packets(clear.frames)
    assert (packet.topic, packet.payload, packet.retain) == ("a", b"", True)
    assert answer == Answer(call.ticket, base.Removed(1))


def test_without_a_persistent_session_there_is_none_to_end():
    _, removals = cleaning(persistent=False)
    assert "session" not in removals
