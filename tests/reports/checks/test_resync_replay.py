"""What the check of replays says of them, and which it leaves to `history-regress`."""

import pytest

from gauntlet.core.history import Flag, Kind
from gauntlet.core.scenario.capabilities import HEADS, HISTORY
from gauntlet.reports import checks
from gauntlet.reports.checks import resync_replay
from gauntlet.reports.checks.finding import Finding

from ..small_runs import SmallRun, ns, sentences


def returned(stated):
    """Return a run in which user 2 returns, and is pushed again what they had."""
    run = SmallRun((1, 2), (1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 10.1 + seq, 1, 2)
    run.disconnect(2, 15)
    run.connect(2, 20, link=4)
    if stated is not None:
        run.add(Kind.START, 20, ref_ns=ns(20), conv=1, link=4, seq=stated)
    run.add(Kind.START, 20, ref_ns=ns(20), conv=2, link=4, seq=0)
    for seq in (1, 2, 3):
        known = {"conv": 1, "link": 4, "peer": 1, "sseq": seq, "seq": seq}
        run.add(Kind.RECEIVE, 20.1 + seq / 10, **known, flags=Flag.DUPLICATE)
    return run


def test_a_run_in_which_no_client_returned_is_not_judged(verdict, good_story):
    story = good_story(1)
    later = {link.number for link in story.links.values() if link.incarnation > 1}
    story.drop([at for at, record in enumerate(story.records) if record.link in later])
    assert verdict("resync-replay", story).outcome == "not-applicable"


@pytest.mark.parametrize(("stated", "count"), [(None, 3), (0, 0), (1, 1), (2, 2), (3, 3)])
def test_what_follows_an_old_stated_position_is_no_replay(stated, count):
    """The stated position is the defect, and another check names it."""
    run = returned(stated)
    assert run.verdict("resync-replay").count == count
    regress = run.verdict("history-regress")
    assert regress.count == (stated is not None and stated < 3)
    run.story.scenario["checks"] = {"required": ["resync-replay"]}
    assert run.verdict("resync-replay").count == 3


@pytest.mark.parametrize("reported", [True, False])
@pytest.mark.parametrize("why", ["no-history", "may-not-read"])
def test_what_follows_a_stated_position_that_no_check_reports_is_a_replay(why, reported):
    """A server without history is not asked, and a user may not read the position that is known."""
    run = returned(1)
    if not reported and why == "no-history":
        run.without = HISTORY
    if why == "may-not-read":
        run.add(Kind.RANGE, 33, conv=1, peer=1, seq=1)
        run.add(Kind.RANGE, 33, conv=1, peer=2, seq=1, sseq=3 if reported else 2)
    assert run.verdict("resync-replay").count == (1 if reported else 3)
    regress = run.verdict("history-regress")
    assert regress.count == reported


@pytest.mark.parametrize("conv", [1, 2])
def test_the_witness_names_the_connection_and_the_message(conv):
    run = SmallRun((1, 2), (1, 2))
    run.send(conv, 1, 9)
    run.deliver(conv, 1, 10, 2)
    run.disconnect(2, 15)
    run.connect(2, 20, link=4)
    run.add(Kind.RECEIVE, 21, conv=conv, link=4, peer=1, sseq=1, seq=1, flags=Flag.DUPLICATE)
    found = run.verdict("resync-replay")
    where = f"edge-blue-1, on connection 1 of u2, pushed position 1 of c{conv}"
    assert sentences(found) == [f"{where}, which the client had before it connected."]
    (witness,) = found.witnesses
    history = run.history()
    (record,) = history.records[list(witness.records)]
    assert (record["kind"], record["t_ns"]) == (Kind.RECEIVE, ns(21))
    assert (witness.user, witness.messages) == (2, (0,))
    assert found.sentence == (
        "1 push repeated what their client already had, on 1 connection of a client that returned."
    )


def test_the_witness_of_a_room_event_that_is_pushed_again_has_no_message():
    run = SmallRun((1, 2))
    event = {"conv": 1, "peer": 1, "sseq": 1, "seq": 1}
    run.add(Kind.ROOM, 10, **event, link=2)
    run.connect(2, 20, link=4)
    run.add(Kind.RECEIVE, 21, **event, link=4, flags=Flag.DUPLICATE | Flag.ROOM_EVENT)
    (witness,) = run.verdict("resync-replay").witnesses
    assert witness.messages == ()


def test_a_single_return_is_judged():
    run = SmallRun((1, 2))
    run.connect(2, 20, link=4)
    found = run.verdict("resync-replay")
    assert (found.outcome, found.examined) == ("valid", 1)
    run.connect(1, 21, link=5)
    run.connect(2, 22, link=6)
    assert run.verdict("resync-replay").examined == 3


def test_of_parts_the_returns_of_the_whole_run_are_counted():
    """A part without a return does not apply, and users may be in several parts."""
    run = returned(None)
    history = run.history()
    of_part = Finding(0, "connections", "", count=2, not_applicable="No client returned.")
    whole = resync_replay.of_run(of_part, history)
    assert (whole.examined, whole.count, whole.not_applicable) == (1, 2, "")
    nothing = resync_replay.of_run(of_part, SmallRun((1, 2)).history())
    assert (nothing.examined, nothing.not_applicable) == (0, "No client returned.")


def test_of_parts_that_could_not_be_judged_nothing_is_counted():
    run = returned(None)
    run.without = HEADS
    found = checks.find("resync-replay", run.history())
    assert resync_replay.of_run(found, run.history()) is found
