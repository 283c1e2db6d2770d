"""A history that is judged in parts has the same result as one that is judged as a whole."""

import pytest

from gauntlet.campaigns.synthetic.correct import CORRECT
from gauntlet.campaigns.synthetic.histories import TRAVELLER, good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.campaigns.synthetic.story import S
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.parts import processes
from gauntlet.reports.parts.judging import judge_in_parts
from gauntlet.reports.parts.splitting import Sizes
from gauntlet.reports.verdict import judge as judge_module
from gauntlet.reports.verdict.judge import judge
from tests.reports.test_golden import GOLDEN, RUNS

# One conversation is a part, and a batch has several. Then each is cut, if nothing prevents it.
TINY = Sizes(part=1, batch=1_000)
CUT = Sizes(part=20, batch=60, whole=20)

# A part has no answer to these: one is compared with all others, and the clock of an external
# server is estimated from all time stamps.
AS_A_WHOLE = {
    "serve_one_conversation_late",
    "serve_one_receiver_late",
    "serve_a_member_late_in_one_room",
    "earlier_messages",
}


@pytest.fixture
def in_parts(monkeypatch):
    """Return a list that gets one entry for each history: whether it was judged in parts."""
    taken = []

    def spy(*arguments):
        found = judge_in_parts(*arguments)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(judge_module, "judge_in_parts", spy)
    return taken


def differing(run, sizes=TINY):
    """Return the keys of the result that differ."""
    whole, parted = judge(run), judge(run, sizes)
    return [key for key in whole if whole[key] != parted[key]]


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_has_the_same_result(name, in_parts):
    assert differing(RunDir.open(GOLDEN / name)) == []
    assert in_parts == [True]


@pytest.mark.parametrize("make", CORRECT, ids=lambda make: make.__name__)
def test_a_correct_history_has_the_same_result(make, in_parts, tmp_path):
    assert differing(make(1).write(tmp_path)) == []
    assert in_parts == [make.__name__ not in AS_A_WHOLE]


@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_an_anomaly_has_the_same_result(mutate, in_parts, tmp_path):
    story = good_story(1)
    mutate(story)
    story.reconcile()
    assert differing(story.write(tmp_path)) == []
    assert in_parts == [mutate.__name__ not in AS_A_WHOLE]


@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_an_anomaly_has_the_same_result_where_conversations_are_cut(mutate, tmp_path):
    story = good_story(1)
    mutate(story)
    story.reconcile()
    assert differing(story.write(tmp_path), CUT) == []


def test_what_users_receive_late_after_a_return_has_the_same_result(in_parts, tmp_path):
    """Here the fault acts while a user is away, who then needs 4 s to read what they missed."""
    story = good_story(1)
    for row in story.chaos:
        row["t_ns"] += 6 * S
    links = [link.number for link in story.links.values() if link.user == TRAVELLER]
    back_ns = story.links[max(links)].up
    for kind in (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP, Kind.PAGE):
        for index in story.at(kind, link=max(links)):
            since_ns = story.records[index].t_ns - back_ns
            if since_ns < 6 * S:
                story.change(index, t_ns=back_ns + 4 * S + since_ns // 3)
    run = story.write(tmp_path)
    assert differing(run) == []
    assert in_parts == [True]
    assert judge(run)["faults"][0]["drained_at_s"] > 21


def test_several_processes_have_the_same_result(monkeypatch, in_parts, tmp_path):
    monkeypatch.setattr(processes, "can_fork", lambda: True)
    monkeypatch.setattr(processes, "cores", lambda: 2)
    assert differing(good_story(1).write(tmp_path)) == []
    assert in_parts == [True]
