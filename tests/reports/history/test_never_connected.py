"""Users who never connected: refused by the system, or not started by the load."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import ZERO, S
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.reports.history.never_connected import NeverConnected, count_never_connected

from ..small_runs import SmallRun


def story_of(planned, started):
    """Return a good run with additional planned users, of whom the load started so many."""
    story = good_story(1)
    for user in range(9, 9 + planned):
        story.users[user] = f"u0-{user}"
        story.convs[1]["members"].append(user)
    if started is not None:
        shared = {"worker": 0, "phase": "steady"}
        story.live = [
            {"t_ns": ZERO + at * S, "users": min(8 + started, 4 * at), **shared}
            for at in range(1, 40)
        ]
    return story


def undelivered(result):
    """Return the check `undelivered` of a result."""
    return next(check for check in result["checks"] if check["id"] == "undelivered")


def test_a_run_whose_system_refused_users_is_inconclusive_and_counts_them(judged):
    result = judged(story_of(100, 100))
    assert undelivered(result)["verdict"] == "unknown"
    assert (result["verdict"]["status"], result["verdict"]["exit_code"]) == ("inconclusive", 5)
    assert (
        "100 of 108 users that the load started never got a connection"
        in result["verdict"]["reasons"][0]
    )
    (caveat,) = result["caveats"]
    assert "100 of 108 users" in caveat


def test_users_whom_the_load_did_not_start_are_not_missed(judged):
    """Each worker's share of the plan is rounded up."""
    result = judged(story_of(3, 0))
    assert result["verdict"]["status"] == "pass"
    assert result["caveats"] == []


def test_only_users_whom_the_load_started_are_counted(judged):
    result = judged(story_of(10, 2))
    assert "2 of 10 users" in undelivered(result)["sentence"]


def test_a_run_without_live_rows_passes_with_a_caveat(judged):
    result = judged(story_of(5, None))
    assert result["verdict"]["status"] == "pass"
    (caveat,) = result["caveats"]
    assert caveat.startswith("5 planned users never connected. live.jsonl does not show whether")


def test_a_device_that_never_connected_is_counted(judged):
    story = story_of(0, 0)
    story.scenario["load"]["devices"] = 2
    for user in range(1, 9):
        story.add_device(user)
    (number, *_) = (
        number for number, link in story.links.items() if (link.user, link.device) == (2, "d1")
    )
    story.reconcile()
    assert undelivered(judged(story))["verdict"] == "valid"
    story.drop(
        [at for at, record in enumerate(story.records) if record.link in (number, number + 1)]
    )
    story.reconcile()
    assert "1 of 16 devices" in undelivered(judged(story))["sentence"]


@pytest.mark.parametrize("phase", ["audit", "quiesce"])
def test_a_run_that_was_cut_short_counts_no_user_as_refused(judged, phase):
    story = story_of(100, 100)
    story.phases = {name: at for name, at in story.phases.items() if name in ("ramp", "steady")}
    if phase == "audit":
        story.phases["quiesce"] = 26
    assert judged(story)["caveats"] == []


def test_users_of_a_lost_worker_are_not_counted(judged):
    story = story_of(0, 0)
    lost = {"kind": "worker", "worker": 1, "host": "h", "pid": 7, "step": "lost", "message": "Gone"}
    story.conductor.append({"t_ns": 1, **lost})
    story.live.append({"t_ns": ZERO + S, "worker": 1, "users": 50})
    assert judged(story)["caveats"] == []


def counted(live, *connected, absent=()):
    """Return the counts of a run, of whose planned users some never connected."""
    run = SmallRun((*connected, *absent))
    for user in absent:
        run.story.drop(run.story.at(Kind.CONNECT, link=user))
    history = run.history()
    rows = [{"worker": worker, "users": users} for worker, users in live]
    rows += [{"worker": worker} for worker, _ in live]  # rows on something else
    return count_never_connected(rows, history.events, history.names, history.sessions, 1)


OF_SECOND = NUMBERS_PER_WORKER  # what the numbers of the second worker's users begin with


@pytest.mark.parametrize(
    ("live", "connected", "absent", "requested", "failed", "unaccounted"),
    [
        ([(0, 2), (1, 2)], (1, OF_SECOND + 1, OF_SECOND + 2), (2,), 4, 1, 0),
        ([(0, 2), (1, 1)], (1, 2), (OF_SECOND + 1,), 3, 1, 0),
        ([(0, 1), (1, 0)], (1,), (OF_SECOND + 1,), 1, 0, 0),
        # Of the second worker, nothing shows how many users it started.
        ([(0, 1)], (1,), (OF_SECOND + 1, OF_SECOND + 2), 1, 0, 2),
        ([(0, 1)], (1, OF_SECOND + 1), (OF_SECOND + 2,), 1, 0, 1),
    ],
)
def test_the_users_of_each_worker_are_counted(
    live, connected, absent, requested, failed, unaccounted
):
    found = counted(live, *connected, absent=absent)
    assert found == NeverConnected(requested, failed, unaccounted, "users")


def test_where_every_user_connected_there_is_nothing_to_describe():
    assert NeverConnected(5, 0, 2).describe() == ""
