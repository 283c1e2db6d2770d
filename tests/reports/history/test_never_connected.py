"""Who never got in is told from who was never started; where nothing tells, that is told."""

import pytest

from ..histories import good_story
from ..story import ZERO, S


def story_of(planned, started):
    """A good run with so many more users planned, and started by its load, who never connected."""
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
    """That check of a result."""
    return next(check for check in result["checks"] if check["id"] == "undelivered")


def test_whom_the_system_never_let_in_leaves_it_open_what_was_owed(judged):
    """Of 108 users 100 were refused all along: such a run is inconclusive, and names the number."""
    result = judged(story_of(100, 100))
    assert undelivered(result)["verdict"] == "unknown"
    assert (result["verdict"]["status"], result["verdict"]["exit_code"]) == ("inconclusive", 5)
    assert (
        "100 of 108 users that the load started never got a connection"
        in result["verdict"]["reasons"][0]
    )
    (caveat,) = result["caveats"]
    assert "100 of 108 users" in caveat


def test_whom_the_load_never_started_nobody_misses(judged):
    """A plan is made for a worker's share, rounded up: what is not started is not refused."""
    result = judged(story_of(3, 0))
    assert result["verdict"]["status"] == "pass"
    assert result["caveats"] == []


def test_some_were_started_and_some_were_not(judged):
    """Only those who wanted a connection are counted."""
    result = judged(story_of(10, 2))
    assert "2 of 10 users" in undelivered(result)["sentence"]


def test_where_nothing_tells_who_was_started_that_is_said(judged):
    """A run without live rows passes with a caveat that names the number."""
    result = judged(story_of(5, None))
    assert result["verdict"]["status"] == "pass"
    (caveat,) = result["caveats"]
    assert caveat.startswith("5 planned users never connected. live.jsonl does not show whether")


def test_a_device_that_never_connected_was_refused_too(judged):
    """Each of a user's devices is to connect."""
    story = story_of(0, 0)
    story.scenario["load"]["devices"] = 2
    for user in range(1, 9):
        story.add_device(user)
    (link, *_) = (number for number, it in story.links.items() if (it.user, it.device) == (2, "d1"))
    story.reconcile()
    assert undelivered(judged(story))["verdict"] == "valid"
    story.drop([at for at, it in enumerate(story.records) if it.link in (link, link + 1)])
    story.reconcile()
    assert "1 of 16 devices" in undelivered(judged(story))["sentence"]


@pytest.mark.parametrize("phase", ["audit", "quiesce"])
def test_a_run_that_was_cut_short_had_no_time_for_everybody(judged, phase):
    """Before its end nobody can be said to have been refused."""
    story = story_of(100, 100)
    story.phases = {name: at for name, at in story.phases.items() if name in ("ramp", "steady")}
    if phase == "audit":
        story.phases["quiesce"] = 26
    assert judged(story)["caveats"] == []


def test_the_users_of_a_lost_worker_are_not_missed(judged):
    """Its part is unknown as a whole."""
    story = story_of(0, 0)
    lost = {"kind": "worker", "worker": 1, "host": "h", "pid": 7, "step": "lost", "message": "Gone"}
    story.conductor.append({"t_ns": 1, **lost})
    story.live.append({"t_ns": ZERO + S, "worker": 1, "users": 50})
    assert judged(story)["caveats"] == []
