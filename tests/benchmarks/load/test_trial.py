"""The search for the rate at which a generator is busy and keeps up."""

import pytest

from benchmarks.load.trial import BUSY_SHARE, BUSY_TOLERANCE, CpuCost, busy_rate


def cost_us(rate):
    """Return the cost of a message, which is lower at higher rates."""
    return 25 + 60_000 / rate


class Machine:
    """Measures windows; `slow` lists the factors of their costs, and later windows have 1."""

    def __init__(self, *slow):
        self._slow = list(slow)
        self.rates = []

    def window(self, rate):
        self.rates.append(rate)
        slow = self._slow.pop(0) if self._slow else 1
        return CpuCost(slow * cost_us(rate), rate)


def share(rate):
    """Return the share of a core that is used at a rate."""
    return cost_us(rate) * rate / 1e6


def test_the_search_finds_the_rate_of_the_busy_share_in_few_windows():
    machine = Machine()
    assert share(busy_rate(machine.window)) == pytest.approx(BUSY_SHARE, abs=BUSY_TOLERANCE)
    assert len(set(machine.rates)) < 6


@pytest.mark.parametrize("position", range(10))
def test_one_slow_window_does_not_change_the_result(position):
    machine = Machine(*[1] * position, 2)
    assert busy_rate(machine.window) == busy_rate(Machine().window)


def test_a_search_that_does_not_converge_returns_the_nearest_measured_rate():
    shares = iter([share for share in (0.2, 0.4, 0.62, 0.9, 0.5, 0.3) for _ in range(2)])
    rates = []

    def window(rate):
        rates.append(rate)
        return CpuCost(next(shares) * 1e6 / rate, rate)

    assert busy_rate(window) == rates[4]
