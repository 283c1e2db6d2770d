"""Replaying recorded messages."""

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.model import Load, RecordedProfile, Scenario
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic

TRACE = """offset_s,sender,conversation,size_bytes,text
0,ann,lunch,300,
1,bob,lunch,,hello
2,cid,work,150,
3,ann,lunch,,
4,dan,play,200,
"""


def scenario_of(**changes):
    profile = RecordedProfile(file="t.csv")
    load = Load(users=8, profile=profile, steady=10.0, **changes)
    return Scenario(version=1, name="t", about="t", load=load)


def replay(text, worker=0, workers=1, **changes):
    """Return the ops of a worker."""
    trace = arrival_trace.parse(text, "t.csv")
    traffic = Traffic(scenario_of(**changes), Stripe(worker, workers), trace)
    ops = [traffic.draw_op(offset_ns, lambda _: True) for offset_ns in traffic.offsets_ns()]
    assert None not in ops
    return ops


def test_messages_are_sent_at_their_times_with_their_sizes_and_texts():
    ops = replay(TRACE)
    assert [op.offset_ns // NS_PER_S for op in ops] == [0, 1, 2, 3, 4]
    assert [(op.body_bytes, op.text) for op in ops] == [
        (300, None),
        (0, "hello"),
        (150, None),
        (0, None),
        (200, None),
    ]


def test_recorded_senders_and_conversations_keep_their_identity():
    ops = replay(TRACE)
    assert ops[0].conv is ops[1].conv is ops[3].conv
    assert len({op.conv.name for op in ops}) == 3
    assert ops[0].author == ops[3].author != ops[1].author
    assert replay(TRACE) == ops


def test_each_recorded_conversation_belongs_to_one_worker():
    shares = [replay(TRACE, worker, 2) for worker in range(2)]
    seconds = [[op.offset_ns // NS_PER_S for op in ops] for ops in shares]
    assert seconds == [[0, 1, 3, 4], [2]]
    assert [op.body_bytes for op in shares[1]] == [150]


def test_a_trace_of_senders_alone_keeps_its_senders():
    ops = replay("offset_s,sender\n0,ann\n1,bob\n2,ann\n")
    assert ops[0].author == ops[2].author != ops[1].author
    assert all(op.author in op.conv.members for op in ops)


def test_sizes_without_senders_are_divided_among_workers_by_row():
    text = "offset_s,size_bytes\n0,101\n1,102\n2,103\n"
    assert [op.body_bytes for op in replay(text, 0, 2)] == [101, 103]
    assert [op.body_bytes for op in replay(text, 1, 2)] == [102]


def test_a_higher_rate_repeats_the_messages_from_the_first_row():
    ops = replay("offset_s,size_bytes\n0,101\n5,102\n9,103\n", rate=0.6)
    assert [op.body_bytes for op in ops] == [101, 102, 103, 101, 102, 103]
