"""How the clients lived through a fault, and what it cost."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from gauntlet.campaigns.synthetic.histories import TRAVELLER
from gauntlet.campaigns.synthetic.service_mutators import keep_a_user_disconnected
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, HEAL_S, QUIESCE_NS, ZERO, S
from gauntlet.core.history import Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics import fault_phases, recovery, totals

from ..small_runs import SmallRun, ns

NONE_LATE = SimpleNamespace(count=0, missing=0)


@pytest.fixture
def measured(history):
    """Return a function that returns the phases and the cost of the story's fault."""

    def measure(story):
        read = history(story)
        found = recovery.find_recoveries(read)["edge-crash"]
        return fault_phases.measure(read, read.events.faults[0], found)

    return measure


def seconds(t_ns):
    return (t_ns - ZERO) / S


def test_lost_connections_are_noticed_and_made_again(measured, good_story):
    phases, cost = measured(good_story(1))
    assert FAULT_S <= seconds(phases.noticed_ns) <= FAULT_S + 0.5
    assert seconds(phases.reconnected_ns) == pytest.approx(BACK_S, abs=0.2)
    assert 0 < cost.disconnected_users < cost.users
    assert cost.longest_s == pytest.approx(BACK_S - FAULT_S, abs=0.2)
    assert cost.disconnected_s <= cost.longest_s * cost.disconnected_users


def test_all_are_connected_when_the_last_user_is(measured, good_story):
    """One user returns at 16.5 s, after the recovery window."""
    story = good_story(1)
    keep_a_user_disconnected(story)
    phases, cost = measured(story)
    assert seconds(phases.reconnected_ns) == 16.5
    assert cost.longest_s == pytest.approx(16.5 - 8.05, abs=0.1)


def test_a_user_without_a_connection_at_the_end_did_not_come_back(measured, good_story):
    story = good_story(1)
    keep_a_user_disconnected(story)
    back = [index for index in story.at(Kind.CONNECT) if story.records[index].peer == 9][1]
    story.change(back, t_ns=QUIESCE_NS + S)
    phases, _ = measured(story)
    assert phases.reconnected_ns == NEVER


def test_late_acknowledgements_are_a_backlog_that_is_drained(measured, good_story):
    story = good_story(1)
    for index in story.at(Kind.ACK):
        t_ns = story.records[index].t_ns
        if ZERO + HEAL_S * S <= t_ns < ZERO + (HEAL_S + 2) * S:
            story.change(index, t_ns=t_ns + int(0.4 * S))
    phases, cost = measured(story)
    assert seconds(phases.drained_ns) == pytest.approx(HEAL_S + 2.4, abs=0.3)
    assert cost.late_acks >= 60
    assert cost.messages > cost.late_acks


def delivery_in_the_fault(story):
    """Return a delivery of a message of the fault to another user, who never goes away."""
    return next(
        at
        for at in story.at(Kind.DELIVER)
        if story.records[at].ref_ns > ZERO + FAULT_S * S
        and story.links[story.records[at].link].user not in (story.records[at].peer, TRAVELLER)
    )


def test_a_backlog_that_was_there_when_the_load_ended_was_never_drained(measured, good_story):
    story = good_story(1)
    late = delivery_in_the_fault(story)
    story.change(late, t_ns=QUIESCE_NS - S)
    assert measured(story)[0].drained_ns == pytest.approx(QUIESCE_NS - S, abs=10)
    story.change(late, t_ns=QUIESCE_NS + S)
    assert measured(story)[0].drained_ns == NEVER


def test_a_backlog_of_which_a_delivery_never_came_was_never_drained(measured, good_story):
    story = good_story(1)
    story.drop([delivery_in_the_fault(story)])
    phases, cost = measured(story)
    assert (phases.drained_ns, cost.missing) == (NEVER, 1)


def test_what_a_user_who_returns_receives_late_is_a_backlog_until_then():
    run = SmallRun((1, 2, 3))
    run.fault(10, 11)
    for at in range(40):
        run.send(1, at + 1, 3 + at / 2)
        run.deliver(1, at + 1, 3.1 + at / 2, 2)
    run.add(Kind.OFFLINE, 9.8, link=3, peer=3)
    run.disconnect(3, 9.8)
    run.connect(3, 14, link=13)
    for at in range(40):
        sent_s = 3 + at / 2
        comes_s = max(sent_s + 0.1, 14.9) if sent_s >= 10 else sent_s + 0.1
        run.deliver(1, at + 1, comes_s, 3, link=13 if sent_s >= 10 else 3)
    history = run.history()
    found = recovery.find_recoveries(history)["fault-1"]
    phases, cost = fault_phases.measure(history, history.events.faults[0], found)
    until_s = seconds(found.until_ns)  # until then, u3 receives everything late
    assert cost.late_deliveries == sum(9.75 <= 3 + at / 2 < until_s for at in range(40)) > 2
    assert (seconds(phases.noticed_ns), seconds(phases.drained_ns)) == (14.25, 14.9)


def absent_user(*, left_s, back_s, comes_s, sent_s=10.2):
    """Return the phases of a fault whose messages u2 receives late, until 12 s.

    u3 is away for a time, and receives the message of `sent_s` at `comes_s`, or never.
    """
    run = SmallRun((1, 2, 3))
    run.fault(10, 11)
    for at in range(100):
        intended_s = 3 + at / 5
        run.send(1, at + 1, intended_s)
        run.deliver(1, at + 1, max(intended_s + 0.1, 12 if intended_s >= 10 else 0), 2)
        if abs(intended_s - sent_s) > 0.01:
            run.deliver(1, at + 1, intended_s + 0.1, 3)
        elif comes_s is not None:
            run.deliver(1, at + 1, comes_s, 3, link=13 if comes_s > left_s else 3)
    if left_s is not None:
        run.add(Kind.OFFLINE, left_s, link=3, peer=3)
        run.disconnect(3, left_s)
    if back_s is not None:
        run.connect(3, back_s, link=13)
    history = run.history()
    found = recovery.find_recoveries(history)["fault-1"]
    phases, _ = fault_phases.measure(history, history.events.faults[0], found)
    return phases


@pytest.mark.parametrize(
    ("left_s", "back_s", "comes_s"),
    [
        (9.9, 27, 27.9),  # the quiesce begins at 26 s
        (9.9, 27, None),
        (9.9, None, None),
        (10.3, 27, 27.9),
        (10.3, None, None),
        (9.9, 20, 20.2),
    ],
)
def test_who_returns_only_after_the_load_has_no_backlog(left_s, back_s, comes_s):
    phases = absent_user(left_s=left_s, back_s=back_s, comes_s=comes_s)
    assert seconds(phases.drained_ns) == 12


@pytest.mark.parametrize(
    ("left_s", "back_s", "comes_s", "drained_s"),
    [
        (9.9, 20, 21, 21),
        (9.9, 20, 26.5, None),
        (9.9, 20, None, None),
        (15, 20, 20.1, 15),
        (15, 20, 20.9, 20.9),
        (15, 27, 27.1, 15),
        (15, 27, 28, 15),
        (15, 27, None, None),
    ],
)
def test_a_user_who_was_away_has_a_backlog_while_they_are_there(left_s, back_s, comes_s, drained_s):
    phases = absent_user(left_s=left_s, back_s=back_s, comes_s=comes_s)
    assert phases.drained_ns == (NEVER if drained_s is None else ns(drained_s))


def test_what_was_under_way_at_the_request_counts_as_late(measured, good_story):
    """A message sent shortly before a fault meets it."""
    story = good_story(1)
    before = ZERO + int((FAULT_S - 0.2) * S)
    _, usual = measured(good_story(1))
    for index in story.at(Kind.ACK):
        record = story.records[index]
        if before <= record.ref_ns < before + S // 5 or before <= record.t_ns < before + S // 5:
            story.change(index, t_ns=record.t_ns + S)
    _, cost = measured(story)
    assert cost.late_acks > usual.late_acks


def test_no_more_messages_are_late_than_were_sent(measured, good_story):
    """Here all were sent shortly before the fault, and acknowledged late or refused."""
    story = good_story(1)
    first, last = ZERO + int((FAULT_S - 0.25) * S), ZERO + int(FAULT_S * S)
    sent = [at for at in story.at(Kind.OP) if first <= story.records[at].ref_ns < last]
    acked = [at for at in story.at(Kind.ACK) if first <= story.records[at].ref_ns < last]
    later = [
        at
        for kind in (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.NAMED, Kind.STAMP, Kind.REJECT)
        for at in story.at(kind)
        if story.records[at].ref_ns >= last
    ]
    for at in acked:
        story.change(at, t_ns=story.records[at].t_ns + S)
    story.change(acked[0], kind=Kind.REJECT, seq=0)
    story.drop(later)
    _, cost = measured(story)
    assert (cost.messages, cost.late_acks, cost.refused) == (len(sent), len(acked) - 1, 1)


def test_all_that_went_wrong_while_a_fault_acted_is_counted(history, good_story):
    """Here the fault acts during the whole run."""
    story = good_story(1)
    lost = story.at(Kind.DELIVER)[40:43]
    story.records = [each for index, each in enumerate(story.records) if index not in lost]
    read = history(story)
    fault = dataclasses.replace(
        read.events.faults[0], requested_ns=ZERO, effective_ns=ZERO, healed_ns=None
    )
    _, cost = fault_phases.measure(read, fault, recovery.Recovery(None, NEVER))
    messages = read.messages
    assert cost.messages == int(messages.sent.sum())
    counted = totals.count_totals(read)
    assert (cost.refused, cost.unanswered) == (counted["rejected"], counted["unknown"])
    assert min(cost.refused, cost.unanswered) > 0
    assert cost.missing == int((read.expected.missing & ~read.expected.own).sum()) > 0


def test_sends_that_were_never_attempted_or_acknowledged_in_the_end_were_not_refused(
    measured, good_story
):
    story = good_story(1)
    _, usual = measured(story)
    sent = [at for at in story.at(Kind.ACK) if story.records[at].ref_ns > ZERO + FAULT_S * S]
    refused, acknowledged, untried, other = sent[:4]
    for at in (refused, other):
        story.change(at, kind=Kind.REJECT, seq=0)
    story.change(untried, kind=Kind.REJECT, seq=0, spare=0)
    record = story.records[acknowledged]
    story.records.append(record._replace(kind=Kind.REJECT, seq=0, t_ns=record.t_ns - 1))
    _, cost = measured(story)
    assert (cost.refused - usual.refused, cost.untried) == (2, 1)


def test_a_user_who_lost_two_connections_is_one_user(history, good_story):
    read = history(good_story(1))
    session = int(read.sessions.connections.session[0])
    outages = np.array([[session, ZERO, ZERO + S], [session, ZERO + 2 * S, ZERO + 4 * S]])
    cost = fault_phases._cost(read, (ZERO, QUIESCE_NS), outages, [NONE_LATE, NONE_LATE])
    assert (cost.disconnected_users, cost.disconnected_s, cost.longest_s) == (1, 3.0, 2.0)


def test_a_fault_that_did_not_act_has_no_phases(measured, good_story):
    story = good_story(1)
    story.chaos = [row for row in story.chaos if row.get("step") in (None, "requested")]
    assert measured(story) is None


def test_a_run_without_a_quiesce_ends_with_its_last_record(history, good_story):
    """Otherwise users would have been without a connection for centuries."""
    read = history(good_story(1))
    read.events.phases.pop("quiesce")
    read.derived.clear()
    found = recovery.Recovery(None, NEVER)
    _, cost = fault_phases.measure(read, read.events.faults[0], found)
    assert cost.disconnected_s < 1000
