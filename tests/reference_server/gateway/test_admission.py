"""Which calls are refused under overload, on a model of a server with a simulated clock."""

from collections import Counter, deque

import pytest

from gauntlet.reference_server.gateway.admission import WAIT_SHARES, Admission

CAPACITY = 500  # sends a second of the model
TICK_S = 0.001


class Model:
    """A server that completes sends in order at a fixed rate, behind an admission control.

    `rate_at(t)` says how many sends arrive per second; each tick one call of every other kind is
    tried too. `admitted` holds the times of arrival and answer of each admitted send.
    """

    def __init__(self, rate_at, capacity_at=lambda _: CAPACITY):
        self.admission = Admission(1.0, lambda: 0.0)
        self.rate_at, self.capacity_at = rate_at, capacity_at
        self.now = 1000.0
        self.queue, self.admitted, self.shed = deque(), [], []
        self.refused = Counter()
        self._due = self._power = 0.0

    def run(self, seconds):
        """Let time pass."""
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self._arrive()
            self._serve()

    def _arrive(self):
        self._due += self.rate_at(self.now - 1000) * TICK_S
        while self._due >= 1:
            self._due -= 1
            if self.admission.admits("send", self.now):
                self.admission.enter(self.now)
                self.queue.append(self.now)
            else:
                self.shed.append(self.now)
        for work in WAIT_SHARES.keys() - {"send"}:
            self.refused[work] += not self.admission.admits(work, self.now)

    def _serve(self):
        power = self._power + self.capacity_at(self.now - 1000) * TICK_S
        while power >= 1 and self.queue:
            power -= 1
            entered = self.queue.popleft()
            self.admission.leave(self.now, entered)
            self.admitted.append((entered, self.now))
        self._power = power % 1  # unused power is lost


def waits(model, since=0.0):
    """Return how long admitted sends that arrived since then waited, in ascending order."""
    return sorted(left - came for came, left in model.admitted if came - 1000 >= since)


def test_below_capacity_nothing_is_refused():
    model = Model(lambda _: 0.95 * CAPACITY)
    model.run(10)
    assert (len(model.shed), sum(model.refused.values())) == (0, 0)


@pytest.mark.failure_row("overload")
def test_overload_keeps_throughput_and_bounds_the_wait():
    """1.3 times the capacity for 20 s: all of it is used, and admitted sends wait about 1 s."""
    model = Model(lambda _: 1.3 * CAPACITY)
    model.run(20)
    assert len(model.admitted) >= 0.95 * CAPACITY * 20
    all_waits = waits(model)
    assert all_waits[len(all_waits) * 99 // 100] < 1.2
    assert model.shed


@pytest.mark.failure_row("overload")
def test_less_important_work_is_refused_first_and_stays_refused():
    """When the first send is refused, all other work has been refused for seconds."""
    model = Model(lambda _: 1.3 * CAPACITY)
    for _ in range(100):
        model.run(0.1)
        if model.shed:
            break
    assert model.refused["friend"] == model.refused["sticker"] == model.refused["room"]
    assert model.refused["friend"] > model.refused["history"] > 1000
    assert model.refused["login"] < 100
    before = model.refused["friend"]
    model.run(5)
    assert model.refused["friend"] - before == pytest.approx(5 / TICK_S, rel=0.02)


def test_nothing_is_refused_soon_after_the_overload_ends():
    model = Model(lambda t: CAPACITY * (1.3 if t < 10 else 0.7))
    model.run(15)
    assert max(model.shed) - 1000 < 10.5
    assert waits(model, since=14)[-1] < 0.05
    refused = sum(model.refused.values())
    model.run(5)
    assert sum(model.refused.values()) == refused


def test_a_burst_after_an_idle_time_is_no_overload():
    """The completion rate is not known yet."""
    model = Model(lambda t: 200 / TICK_S if 5 < t <= 5 + TICK_S else 0)
    model.run(8)
    assert (len(model.admitted), len(model.shed)) == (200, 0)
    assert model.refused["login"] == 0


def test_sends_are_refused_when_nothing_completes():
    """Otherwise they would pile up."""
    model = Model(lambda _: 300, lambda t: CAPACITY if t < 5 else 0)
    model.run(10)
    assert len(model.queue) < 310
    assert model.shed
    model.capacity_at = lambda _: CAPACITY
    model.run(2)
    shed = len(model.shed)
    model.run(3)
    assert len(model.shed) == shed


def test_a_short_standstill_is_no_overload():
    """A disk may pause for less than the longest acceptable wait."""
    model = Model(lambda _: 300, lambda t: 0 if 5 < t < 5.8 else CAPACITY)
    model.run(10)
    assert model.shed == []
    assert waits(model)[-1] == pytest.approx(0.8, abs=0.02)


def test_a_cold_start_is_no_overload():
    """The first sends wait for connections and query plans, and few have completed."""
    model = Model(lambda _: 150, lambda t: 0 if t < 0.4 else 200)
    model.run(5)
    assert model.shed == []


def test_completions_in_batches_count_as_a_rate():
    """A store that answers 100 sends each 0.2 s is fully used, and the wait stays bounded."""
    model = Model(lambda _: 1.3 * CAPACITY, lambda t: 100 / TICK_S if t % 0.2 < TICK_S else 0)
    model.run(20)
    assert len(model.admitted) >= 0.95 * CAPACITY * 20
    assert waits(model)[-1] < 1.2


def test_an_earlier_high_rate_does_not_hide_a_standstill():
    model = Model(lambda t: 490 if t < 5 else 200 * (t > 60), lambda t: CAPACITY * (t < 6))
    model.run(65)
    assert len(model.queue) < 210


def test_a_few_slow_sends_are_no_overload():
    """The rate of three sends a second says nothing about the capacity."""
    model = Model(lambda _: 3, lambda t: 0 if t % 2 < 1.9 else 100)
    model.run(20)
    assert (model.shed, sum(model.refused.values())) == ([], 0)


def test_the_lag_of_the_event_loop_counts_as_wait():
    """Unread requests are in no other count."""
    lag_s = 0.6
    admission = Admission(1.0, lambda: lag_s)
    assert {work for work in WAIT_SHARES if admission.admits(work, 1.0)} == {"send", "login"}
