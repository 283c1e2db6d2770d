"""Positions that a server states: which can exist, and which cannot."""

import pytest

from gauntlet.core.history import Channel, Kind, PageFlag
from gauntlet.core.scenario.traits import Retention, Traits

from ..small_runs import AUDIT_S, NS, SmallRun, ns, sentences

START, GAP, PAGE = Kind.START, Kind.GAP, Kind.PAGE
TOLD = {
    START: "u2 was told at connect that c1 ends at position {}",
    GAP: "u2 was told that positions of c1 up to {} are not pushed",
    PAGE: "u2 received a page of c1 that claims to reach position {}",
}


def chat():
    """Return a run with a message every second from 11 s on, three in each conversation."""
    run = SmallRun((1, 2, 3), (1, 2, 3))
    for conv in (1, 2):
        for seq in (1, 2, 3):
            run.send(conv, seq, 10 + seq)
            run.deliver(conv, seq, 10.1 + seq, 1, 2, 3)
    run.audit(2, 1, 2, 3, head=3)
    return run


def state(run, kind, position, at_s):
    """Let the server state a position to user 2."""
    if kind == START:
        run.add(kind, at_s, conv=1, link=2, ref_ns=ns(at_s), seq=position)
    elif kind == GAP:
        run.add(kind, at_s, conv=1, link=2, seq=position, sseq=position)
    else:
        run.page(1, 2, at_s, after=position, last=position, entries=0)


@pytest.mark.parametrize("kind", [START, GAP, PAGE])
@pytest.mark.parametrize(("at_s", "count"), [(13 - NS, 1), (13, 0)])
def test_a_position_does_not_exist_before_its_message_is_sent(kind, at_s, count):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, kind, 3, at_s)
    found = run.verdict("history-gap")
    assert found.count == count
    told = TOLD[kind].format(3)
    assert (
        sentences(found)
        == [f"{told}, which message 3 of u1 in c1 took, but it was first sent later."] * count
    )


@pytest.mark.parametrize("kind", [START, GAP])
@pytest.mark.parametrize(("position", "count"), [(3, 0), (4, 1)])
def test_a_position_behind_the_end_of_the_audit_does_not_exist(kind, position, count):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, kind, position, 20)
    found = run.verdict("history-gap")
    assert (found.count, found.examined) == (count, 6 + count)
    told = TOLD[kind].format(4)
    assert sentences(found) == [f"{told}, but the audit, which came later, ends before it."] * count


@pytest.mark.parametrize("kind", [START, GAP])
@pytest.mark.parametrize(("at_s", "count"), [(AUDIT_S, 1), (AUDIT_S + NS, 0)])
def test_the_audit_shows_the_end_of_what_was_stated_before_it(kind, at_s, count):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, kind, 4, at_s)
    assert run.verdict("history-gap").count == count


def test_an_old_head_of_the_audit_does_not_show_that_a_position_does_not_exist():
    run = chat()
    run.audit(1, 1, head=1)
    expected = run.verdict("history-gap").count
    state(run, START, 3, 20)
    assert run.verdict("history-gap").count == expected


def test_without_an_audit_a_position_may_exist_that_no_client_received():
    run = chat()
    state(run, START, 4, 20)
    assert run.verdict("history-gap").count == 0


@pytest.mark.parametrize("traits", [Traits(expires=True), Traits(retention=Retention(age_s=5))])
def test_the_last_messages_may_have_disappeared_where_the_server_deletes_some(traits):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    run.traits = traits
    state(run, START, 4, 20)
    found = run.verdict("history-gap")
    assert (found.outcome, found.count) == ("valid", 0)


def test_of_two_messages_at_one_position_the_first_one_took_it():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    run.send(1, 3, 20, sseq=9)
    run.deliver(1, 9, 20.1, 3, seq=3)
    state(run, START, 3, 15)
    assert run.verdict("history-gap").count == 0


def test_a_message_that_was_never_attempted_was_not_sent_later():
    run = chat()
    run.audit(1, 1, 2, 3, 4, head=4)
    run.add(Kind.OP, 16, conv=1, link=1, peer=1, sseq=4)
    state(run, START, 4, 15)
    assert run.verdict("history-gap").count == 0


def test_a_message_whose_acknowledgement_states_another_position_shows_nothing():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, START, 3, 12.5)
    (index,) = run.story.at(Kind.ACK, conv=1, seq=3)
    run.story.change(index, seq=2)
    assert run.verdict("history-gap").count == 0


@pytest.mark.parametrize(("sent_s", "count"), [(12.5, 0), (12.5 + NS, 1)])
def test_a_position_may_exist_if_a_message_was_sent_that_took_a_later_one(sent_s, count):
    run = chat()
    run.audit(1, 1, 2, 3, 4, head=4)
    run.send(1, 4, sent_s)
    run.send(2, 4, 11)
    run.deliver(2, 4, 11.1, 3)
    before = run.verdict("history-gap").count
    state(run, START, 3, 12.5)
    assert run.verdict("history-gap").count == before + count


@pytest.mark.parametrize(("head", "count"), [(4, 0), (3, 1)])
def test_what_a_heartbeat_named_and_clients_never_found_does_not_exist(head, count):
    run = chat()
    run.audit(1, 1, 2, 3, head=head)
    run.add(GAP, 31, conv=1, link=2, seq=4, sseq=4, flags=Channel.HISTORY)
    found = [text for text in sentences(run.verdict("history-gap")) if "u2" in text]
    told = "u2 was told that c1 reaches position 4 and did not find it, but the audit, which came"
    assert found == [f"{told} later, ends before it."] * count


@pytest.mark.parametrize("user", [1, 2])
@pytest.mark.parametrize("kind", [START, GAP, PAGE])
def test_the_first_position_does_not_exist_before_its_message_is_sent_either(kind, user):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, kind, 1, 10)
    run.story.change(len(run.story.records) - 1, link=user)
    (witness,) = run.verdict("history-gap").witnesses
    assert (witness.messages, witness.user) == ((0,), user)
    assert "which message 1 of u1 in c1 took, but it was first sent later." in witness.sentence


def test_a_claim_beyond_the_audit_names_no_message():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, START, 4, 20)
    (witness,) = run.verdict("history-gap").witnesses
    assert (witness.messages, witness.user, len(witness.records)) == ((), 2, 1)


def test_what_a_page_claims_beyond_all_that_is_known_is_counted_once():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    run.page(1, 2, 20, after=3, last=4, entries=0)
    assert run.verdict("history-gap").count == 1


def test_the_audit_is_no_client_to_whom_a_position_is_stated():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    run.page(1, 0, 12, after=3, last=3, entries=0)
    assert run.verdict("history-gap").count == 0


def test_a_conversation_may_be_stated_to_be_empty():
    """The first message that was sent later was not answered, so that it has no known position."""
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    state(run, START, 0, 10)
    run.send(1, 0, 20, sseq=9, end=Kind.UNKNOWN)
    assert run.verdict("history-gap").count == 0


@pytest.mark.parametrize(("position", "count"), [(0, 0), (3, 0), (4, 1)])
def test_without_a_message_of_the_run_only_the_audit_shows_which_positions_exist(position, count):
    run = SmallRun((1, 2, 3))
    run.audit(1, 1, 2, 3, head=3)
    state(run, START, position, 10)
    found = run.verdict("history-gap")
    assert (found.count, found.examined) == (count, 3 + count)


@pytest.mark.parametrize(("at_s", "count"), [(13 - 0.02 - NS, 1), (13 - 0.02, 0)])
def test_the_error_of_both_clocks_is_allowed(at_s, count):
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    clock = {"writer": "load-0", "kind": "clock", "worker": 0, "t_ns": ns(1)}
    run.story.chaos.append(clock | {"offset_ns": 0, "error_ns": 10_000_000})
    state(run, START, 3, at_s)
    assert run.verdict("history-gap").count == count


@pytest.mark.parametrize(("at_s", "count"), [(AUDIT_S - 1, 1), (AUDIT_S - 1 + NS, 0)])
def test_by_clocks_that_differ_the_audit_may_have_come_before_what_was_stated(at_s, count):
    run = chat()
    run.declare(clock_error_ns=1_000_000_000)
    run.audit(1, 1, 2, 3, head=3)
    state(run, START, 4, at_s)
    assert run.verdict("history-gap").count == count


@pytest.mark.parametrize(("position", "count"), [(3, 0), (4, 1)])
def test_a_list_of_heads_names_no_position_behind_the_end_of_the_audit(position, count):
    """A page has entries, so that `history-gap` counts the missing ones; a list has none."""
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    flags = PageFlag.LAST | PageFlag.HEADS
    run.add(PAGE, 20, conv=1, link=2, ref_ns=ns(19.9), seq=position, sseq=position, spare=flags)
    found = run.verdict("history-gap")
    assert found.count == count
    told = "u2 was told by the list of heads that c1 ends at position 4"
    why = "but the audit, which came later, ends before it."
    assert sentences(found) == [f"{told}, {why}"] * count


def test_a_list_of_heads_names_no_position_before_its_message_is_sent():
    run = chat()
    run.audit(1, 1, 2, 3, head=3)
    flags = PageFlag.LAST | PageFlag.HEADS
    run.add(PAGE, 12.5, conv=1, link=2, ref_ns=ns(12.4), seq=3, sseq=3, spare=flags)
    assert run.verdict("history-gap").count == 1
