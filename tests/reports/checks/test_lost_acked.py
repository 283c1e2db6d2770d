"""Which acknowledged messages the audit has to find."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.reports.checks import lost_acked

from ..small_runs import NS, SmallRun, ns, sentences


def acked(*lengths):
    """Return a run in which u1 sends so many messages to each conversation, each second."""
    run = SmallRun(*[(1, 2)] * len(lengths))
    for conv, length in enumerate(lengths, 1):
        for seq in range(1, length + 1):
            run.send(conv, seq, 9.9 + seq)
    return run


def lost(seq, conv=1, place=None):
    """Return the sentence on a message that is lost."""
    place = f" at position {seq}" if place is None else place
    return (
        f"The server acknowledged that message {seq} of u1 in c{conv} is stored{place}, but the "
        "audit does not find it."
    )


def test_each_acknowledged_message_of_an_audited_conversation_is_stored():
    run = acked(5, 3)
    run.audit(1, 1, 3, 4, head=5)
    run.audit(2, 1, 2, 3, head=3)
    found = run.verdict("lost-acked")
    assert sentences(found) == [lost(2), lost(5)]
    assert (found.count, found.examined) == (2, 8)
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(12), ns(15)]
    assert [witness.at_ns for witness in found.witnesses] == [ns(12), ns(15)]
    assert [(witness.absent, witness.messages) for witness in found.witnesses] == [
        (True, (1,)),
        (True, (4,)),
    ]


def test_a_message_that_was_acknowledged_without_a_position_has_none_in_its_sentence():
    run = acked(1)
    run.audit(1, head=0)
    run.story.change(run.story.at(Kind.ACK)[0], seq=0)
    assert sentences(run.verdict("lost-acked")) == [lost(1, place="")]


def test_conversations_without_an_audit_leave_a_doubt():
    run = acked(6, 2)
    run.audit(1, 1, 2, 3, 4, 5, 6, head=6)
    found = run.verdict("lost-acked")
    assert (found.outcome, found.examined) == ("unknown", 6)
    assert found.sentence == ("2 acknowledged messages are in conversations that were not audited.")
    run.story.drop(run.story.at(Kind.AUDIT, seq=6))
    assert sentences(run.verdict("lost-acked")) == [lost(6)]


@pytest.mark.parametrize("ending", ["handed over", "unanswered", "refused", "never sent"])
def test_what_was_not_acknowledged_as_stored_is_not_examined(ending):
    run = acked(6, 1)
    run.audit(1, 1, 2, 3, 4, 5, head=6)
    for index in (run.story.at(Kind.ACK, sseq=6)[0], run.story.at(Kind.ACK, conv=2)[0]):
        changed = {
            "handed over": {"flags": Flag.HANDED_OVER},
            "unanswered": {"kind": Kind.UNKNOWN, "seq": 0},
            "refused": {"kind": Kind.REJECT, "seq": 0},
            "never sent": {"sseq": 99},
        }
        run.story.change(index, **changed[ending])
    found = run.verdict("lost-acked")
    assert (found.outcome, found.examined) == ("valid", 5)


def test_a_place_with_a_body_that_was_not_sent_there_concerns_another_check():
    run = acked(6)
    run.audit(1, 1, 2, 3, 4, head=6)
    known = {"conv": 1, "peer": 1, "sseq": 77, "seq": 5}
    run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.FOREIGN)
    assert sentences(run.verdict("lost-acked")) == [lost(6)]
    run.story.scenario["checks"] = {"required": ["lost-acked"]}
    assert sentences(run.verdict("lost-acked")) == [lost(5), lost(6)]


@pytest.mark.parametrize(
    ("retention", "missing", "examined"),
    [
        (Retention(count=6), [1, 2, 3, 4, 5, 6], 6),
        (Retention(count=2), [5, 6], 2),
        (Retention(count=1), [6], 1),
        # The conversation is read at 33 s, and the fourth message was sent at 13.9 s.
        (Retention(age_s=19.1), [4, 5, 6], 3),
        (Retention(age_s=19.1 - NS), [5, 6], 2),
        (Retention(count=2, age_s=20), [5, 6], 2),
        (Retention(count=3, age_s=17.1), [6], 1),
    ],
)
def test_what_the_server_need_not_keep_is_not_examined(retention, missing, examined):
    run = acked(6)
    run.traits = Traits(retention=retention)
    run.audit(1, head=6)
    found = run.verdict("lost-acked")
    assert sentences(found) == [lost(seq) for seq in missing]
    assert found.examined == examined


def test_the_age_counts_until_each_conversation_is_read():
    """A log has no phase of an audit, and an audit of many conversations takes long."""
    run = acked(6, 6)
    run.traits = Traits(retention=Retention(age_s=20))
    del run.story.phases["audit"]
    run.add(Kind.HEAD, 33, conv=1, seq=6)
    run.add(Kind.HEAD, 34.5, conv=2, seq=6)
    found = run.verdict("lost-acked")
    assert sentences(found) == [*(lost(seq) for seq in (4, 5, 6)), lost(5, 2), lost(6, 2)]
    assert found.examined == 5


def test_a_message_that_was_sent_again_may_be_as_old_as_its_first_attempt():
    run = acked(1)
    run.traits = Traits(retention=Retention(age_s=10))
    run.send(1, 2, 20, took_s=4)
    run.audit(1, head=2)
    assert run.verdict("lost-acked").examined == 0


def test_the_number_of_kept_messages_is_that_of_each_conversation():
    run = acked(3, 4)
    run.traits = Traits(retention=Retention(count=2))
    run.audit(1, head=3)
    run.audit(2, head=4)
    found = run.verdict("lost-acked")
    assert sentences(found) == [lost(2), lost(3), lost(3, 2), lost(4, 2)]


def test_messages_that_may_disappear_leave_a_doubt():
    run = acked(6, 1)
    run.traits = Traits(deletes=True)
    run.audit(1, 1, 2, 3, 4, head=6)
    found = run.verdict("lost-acked")
    assert [doubt.count for doubt in lost_acked.check(run.history()).doubts] == [2, 0]
    assert (found.outcome, found.count, found.examined) == ("unknown", 0, 6)
    assert found.sentence == (
        "2 acknowledged messages are not stored, and the adapter declares that messages may be "
        "deleted or expire."
    )


@pytest.mark.parametrize(("length", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_messages_are_needed_for_a_verdict(length, outcome):
    run = acked(length)
    run.audit(1, *range(1, length + 1), head=length)
    found = run.verdict("lost-acked")
    assert (found.outcome, found.examined) == (outcome, length)
    run.without = HISTORY
    assert run.verdict("lost-acked").outcome == "not-applicable"
