"""What the history may have in the place of a sticker, and when a sticker may be refused."""

import pytest

from gauntlet.core.history import Kind, ProbeResult, sticker_digest
from gauntlet.core.scenario.traits import Traits

from ..small_runs import SmallRun, ns, sentences

ANN, BOB = 900_000, 900_001
GRANTED, REFUSED, UNKNOWN = ProbeResult.GRANTED, ProbeResult.REFUSED, ProbeResult.UNKNOWN
SENT = sticker_digest("cats/hello", "")


@pytest.fixture
def run():
    found = SmallRun((1, 2), recovery_window=2)
    found.story.accounts = {ANN: "ann", BOB: "bob"}
    return found


def send(run, result=GRANTED, *, account=ANN, message=1, digest=SENT):
    """Let a sticker be sent in the tenth of a second before 12 s."""
    known = {"peer": account, "sseq": message, "seq": digest, "spare": result}
    run.add(Kind.STICKER, 12, ref_ns=ns(11.9), **known)


def read(run, digest, *, account=ANN, message=1):
    """Let the history have something in its place."""
    known = {"peer": account, "sseq": message, "seq": digest}
    run.add(Kind.STICKER, 12.5, ref_ns=ns(12.4), **known)


def test_a_run_without_stickers_is_not_judged(run):
    assert run.verdict("stickers").outcome == "not-applicable"


def test_an_unanswered_sticker_shows_nothing(run):
    send(run, UNKNOWN)
    assert run.verdict("stickers").outcome == "not-applicable"


@pytest.mark.parametrize("result", [GRANTED, UNKNOWN])
@pytest.mark.parametrize(
    ("found", "count"),
    [
        (SENT, 0),
        (sticker_digest("cats/thanks", ""), 1),
        (sticker_digest("cats/hello", "with a text"), 1),
        (sticker_digest("", ""), 1),
    ],
)
def test_the_history_has_what_was_sent(run, result, found, count):
    send(run, result)
    read(run, found)
    verdict = run.verdict("stickers")
    sentence = "The history has another sticker or text than ann sent."
    assert sentences(verdict) == [sentence] * count


def test_messages_of_others_are_others(run):
    send(run)
    send(run, account=BOB, digest=7)
    send(run, message=2, digest=9)
    read(run, 7, account=BOB)
    read(run, 9, message=2)
    read(run, 5, account=BOB, message=3)
    verdict = run.verdict("stickers")
    assert (verdict.outcome, verdict.examined) == ("valid", 3)


def test_a_system_with_edits_may_have_another_sticker(run):
    send(run)
    read(run, 7)
    run.traits = Traits(edits=True)
    assert run.verdict("stickers").count == 0


def test_a_sticker_that_the_server_lists_is_not_refused(run):
    send(run, REFUSED)
    verdict = run.verdict("stickers")
    assert sentences(verdict) == ["ann sent a sticker that the server lists, and was refused."]
    assert verdict.examined == 1


@pytest.mark.parametrize(
    ("fault", "count"),
    [((4, 4.9), 0), ((4, 4.8), 1), ((8, 9), 0), ((12, 13), 0), ((12.1, 13), 1), ((4, None), 0)],
)
def test_a_fault_may_keep_a_list_of_stickers_from_its_reader(run, fault, count):
    """The send lasts from 11.9 s to 12 s; the list is 5 s older, and a recovery takes 2 s."""
    run.fault(*fault)
    send(run, REFUSED)
    verdict = run.verdict("stickers")
    assert (verdict.count, verdict.outcome) == (count, "invalid" if count else "not-applicable")
