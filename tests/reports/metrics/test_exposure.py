"""What met a fault, and that a fault which met nothing is not survived."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import FAULT_S, HEAL_S, ZERO, S
from gauntlet.core.history import Kind


def fault_of(result):
    """The only fault of a result."""
    (fault,) = result["faults"]
    return fault


def move(story, begin_s, end_s):
    """Move the fault to another time, at which it has no effect on the records."""
    times = {"requested": begin_s, "effective": begin_s, "heal-requested": end_s, "healed": end_s}
    for row in story.chaos:
        row["t_ns"] = ZERO + int(times[row["step"]] * S)


def act_on(story, target, **detail):
    """Let the fault act on something else."""
    story.scenario["faults"][0]["target"] = target
    for row in story.chaos:
        row["target"] = target
        row["detail"] = detail if row["step"] == "effective" else {}


@pytest.fixture
def early():
    """A run whose edge was killed and healed before the first user connected."""
    story = good_story(1)
    story.scenario["sla"] = []
    story.phases["ramp"] = -5
    move(story, -4, -2)
    return story


def test_a_fault_before_the_first_login_is_not_survived(early, judged):
    result = judged(early)
    fault = fault_of(result)
    assert fault["exposure"] == {"connections": 0, "messages": 0, "bytes": None}
    assert not fault["exposed"]
    assert fault["recovery_unknown"] == "it met no traffic"
    assert result["verdict"]["exit_code"] == 5
    assert any("Fault edge-crash met no traffic" in text for text in result["verdict"]["reasons"])
    assert "A" not in {row["grade"] for row in result["grades"]}


def test_a_run_that_was_cut_short_is_not_accused_of_it(early, judged):
    early.conductor.append({"t_ns": ZERO, "kind": "interrupted", "message": "Ctrl-C"})
    assert not any("met no traffic" in text for text in judged(early)["verdict"]["reasons"])


def test_the_edges_on_which_a_fault_acts_decide_whom_it_concerns(judged):
    """All users are connected; half of them to the other edge."""
    story = good_story(1)
    one = fault_of(judged(story))["exposure"]
    act_on(story, "edge", components=["edge-blue-1"])
    assert fault_of(judged(story))["exposure"] == one
    act_on(story, "client>edge", links=["client>edge-blue-1", "client>edge-green-1"])
    assert fault_of(judged(story))["exposure"] == one
    act_on(story, "gateway", components=["gateway-1"])
    everything = fault_of(judged(story))["exposure"]
    assert everything["connections"] > one["connections"]
    assert everything["messages"] > one["messages"]


def test_an_edge_without_users_meets_no_traffic(judged):
    story = good_story(1)
    act_on(story, "edge", components=["edge-green-1"])
    assert fault_of(judged(story))["exposure"] == {"connections": 0, "messages": 0, "bytes": None}


def test_an_edge_that_is_added_concerns_the_users_of_the_others(judged):
    story = good_story(1)
    story.scenario["faults"][0]["kind"] = "scale-out"
    act_on(story, "edge", components=["edge-blue-3"])
    assert fault_of(judged(story))["exposure"]["messages"] > 0


def test_messages_that_were_sent_before_and_arrived_after_it_count(judged):
    """The count is that of the plain definition, over all records."""
    story = good_story(2)
    act_on(story, "gateway", components=["gateway-1"])
    begin, end = ZERO + FAULT_S * S, ZERO + (HEAL_S + 1) * S
    met = set()
    for at in (*story.at(Kind.OP), *story.at(Kind.DELIVER)):
        record = story.records[at]
        key = (record.conv, record.peer, record.sseq)
        ends = [record.t_ns]
        if record.kind == Kind.OP:
            ends = [
                story.records[end].t_ns
                for kind in (Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
                for end in story.at(kind, conv=key[0], peer=key[1], sseq=key[2])
            ]
        if record.ref_ns < end and any(t_ns > begin for t_ns in ends):
            met.add(key)
    exposure = fault_of(judged(story))["exposure"]
    assert exposure["messages"] == len(met) > 50
    assert exposure["connections"] > 0


def test_idle_connections_alone_are_no_traffic(judged):
    """Nothing was sent yet, and no connection began or ended."""
    story = good_story(1)
    act_on(story, "gateway", components=["gateway-1"])
    move(story, 0.85, 0.95)
    found = fault_of(judged(story))
    assert found["exposure"]["connections"] == 8
    assert not found["exposed"]


def test_bytes_are_what_passed_the_proxies_between_injection_and_heal(judged):
    story = good_story(1)
    for row, count in zip(story.chaos, (None, 500, None, 2_500), strict=True):
        if count is not None:
            row["proxied_bytes"] = count
    assert fault_of(judged(story))["exposure"]["bytes"] == 2_000
    del story.chaos[1]["proxied_bytes"]
    assert fault_of(judged(story))["exposure"]["bytes"] is None
