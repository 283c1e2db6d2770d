"""What counts as left behind by users who have left."""

import asyncio

from benchmarks.resilience.endurance import churn

BEFORE = {("keys", "the registry"): 5.0, ("descriptors", "a"): 20.0, ("tasks", "a"): 8.0}


def test_a_key_and_more_tasks_than_pools_need_are_too_many():
    left = {("keys", "the registry"): 1.0, ("descriptors", "a"): 16.0, ("tasks", "a"): 4.0}
    assert churn._too_many(left) == ["the registry keeps 1 keys", "a keeps 4 tasks"]


def test_what_is_held_may_settle(monkeypatch):
    later = iter([{**BEFORE, ("tasks", "a"): 50.0}, {**BEFORE, ("descriptors", "a"): 25.0}])
    monkeypatch.setattr(churn, "_held", lambda _: next(later))
    monkeypatch.setattr(churn, "_POLL_S", 0.0)
    left, missing = asyncio.run(churn._left(None, BEFORE))
    assert left == {**dict.fromkeys(BEFORE, 0.0), ("descriptors", "a"): 5.0}
    assert missing == []


def test_a_component_may_come_back_while_it_settles(monkeypatch):
    later = iter([{("keys", "the registry"): 5.0}, BEFORE])
    monkeypatch.setattr(churn, "_held", lambda _: next(later))
    monkeypatch.setattr(churn, "_POLL_S", 0.0)
    assert asyncio.run(churn._left(None, BEFORE)) == (dict.fromkeys(BEFORE, 0.0), [])


def test_a_component_that_is_missing_has_released_nothing(monkeypatch):
    monkeypatch.setattr(churn, "_held", lambda _: {("keys", "the registry"): 5.0})
    monkeypatch.setattr(churn, "_SETTLE_S", 0.0)
    left, missing = asyncio.run(churn._left(None, BEFORE))
    assert left == {("keys", "the registry"): 0.0}
    assert missing == ["a shows no descriptors", "a shows no tasks"]


def test_what_does_not_settle_is_left(monkeypatch):
    monkeypatch.setattr(churn, "_held", lambda _: {**BEFORE, ("keys", "the registry"): 6.0})
    monkeypatch.setattr(churn, "_SETTLE_S", 0.0)
    left, missing = asyncio.run(churn._left(None, BEFORE))
    assert missing == []
    assert churn._too_many(left) == ["the registry keeps 1 keys"]


def test_a_role_that_certainly_grows_is_a_failure():
    times = [2.0 * number for number in range(600)]
    memory = {
        "edge": [(t, 100 + 30 * t / 3600) for t in times],
        "message": [(t, 100 + 3 * t / 3600) for t in times],
    }
    figures, failures = {}, []
    churn._add_growth(memory, figures, failures)
    assert failures == ["edge grows by at least 30.0 MiB an hour"]
    assert figures["message, MiB per hour"] == 3.0
