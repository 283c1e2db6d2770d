"""The simulated reconnect storm, compared with what must come out."""

import math
from random import Random

import pytest

from gauntlet.campaigns.plan.estimates import storm
from gauntlet.campaigns.plan.estimates.storm import Storm, simulate
from gauntlet.scenarios.client import backoff, liveness, session

FAST = 1e9


def test_the_backoff_and_the_time_out_are_those_of_the_client():
    assert storm.Backoff is session.Backoff is backoff.Backoff
    assert storm.SESSION_BASE_MS is session.SESSION_BASE_MS
    assert storm.SESSION_CAP_MS is session.SESSION_CAP_MS
    assert storm.CONNECT_TIMEOUT_NS == liveness.CONNECT_TIMEOUT_NS


def test_clients_that_are_accepted_at_once_wait_for_the_first_backoff_only():
    course = simulate(Storm(lost=4_000, served_per_s=FAST))
    base_s = backoff.SESSION_BASE_MS / 1000
    assert course.until(0.5) == pytest.approx(base_s / 2, rel=0.1)
    assert course.until(1.0) == pytest.approx(base_s, rel=0.01)
    assert course.attempts == 4_000


def test_a_loss_is_noticed_within_the_given_time():
    course = simulate(Storm(lost=4_000, served_per_s=FAST, detection_s=(5.0, 15.0)))
    assert course.back_s[0] >= 5.0
    assert course.until(0.5) == pytest.approx(10.1, rel=0.05)
    assert 14.9 < course.until(1.0) < 15.3


def test_slow_survivors_need_the_time_that_they_need_for_all():
    # 3,000 clients at 100/s: 30 s, in which attempts time out after 7 s and are made again.
    course = simulate(Storm(lost=3_000, served_per_s=100))
    assert course.until(1.0) == pytest.approx(30, rel=0.08)
    assert course.until(0.5) == pytest.approx(15, rel=0.1)
    assert course.attempts > 2 * 3_000


def test_no_client_is_accepted_later_than_its_time_out_after_an_attempt():
    course = simulate(Storm(lost=3_000, served_per_s=100, delay_s=0.5))
    assert course.back_s[0] >= 0.5
    assert simulate(Storm(lost=5, served_per_s=FAST, delay_s=8.0)).until(0.5) == math.inf


def test_a_sample_of_a_large_storm_behaves_like_all_of_it():
    whole = simulate(Storm(lost=12_000, served_per_s=600), clients_max=12_000)
    sample = simulate(Storm(lost=12_000, served_per_s=600), clients_max=3_000)
    for share in (0.5, 0.9, 0.99):
        assert sample.until(share) == pytest.approx(whole.until(share), rel=0.05)
    assert sample.attempts_peak_per_s == pytest.approx(whole.attempts_peak_per_s, rel=0.1)


def test_until_clients_are_rerouted_attempts_that_go_to_the_lost_part_fail():
    lost = Storm(lost=4_000, served_per_s=FAST, reroute_s=3.0, lost_share=1.0, refused=True)
    course = simulate(lost)
    assert course.back_s[0] >= 3.0
    assert course.until(1.0) <= 3.0 + backoff.SESSION_CAP_MS / 1000
    half = simulate(lost._replace(lost_share=0.5))
    assert half.until(0.4) < 0.3
    assert half.until(0.99) > 1.0


def test_what_is_lost_and_does_not_answer_costs_a_time_out():
    course = simulate(Storm(lost=500, served_per_s=FAST, reroute_s=3.0, lost_share=1.0))
    assert course.back_s[0] >= liveness.CONNECT_TIMEOUT_NS / 1e9


def test_survivors_that_accept_nothing_never_have_anyone_back():
    course = simulate(Storm(lost=100, served_per_s=0))
    assert course.until(0.01) == math.inf


def test_the_same_seed_gives_the_same_storm():
    found = Storm(lost=1_000, served_per_s=100, detection_s=(0, 5))
    assert simulate(found, seed=3) == simulate(found, seed=3)
    assert simulate(found, seed=3) != simulate(found, seed=4)


def test_the_waits_are_drawn_from_the_backoff(monkeypatch):
    """A client without jitter comes back at one moment."""

    class Fixed(backoff.Backoff):
        def next_ns(self):
            return 1_000_000_000

    monkeypatch.setattr(storm, "Backoff", lambda *_: Fixed(Random(1), 1, 1))
    course = simulate(Storm(lost=10, served_per_s=FAST))
    assert course.back_s == pytest.approx([1.0] * 10)
