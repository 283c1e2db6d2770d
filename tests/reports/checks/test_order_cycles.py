"""Which message a sender had received last before they sent another."""

import numpy as np
import pytest

from gauntlet.reports.checks import _order_cycles
from gauntlet.reports.history.arrays import NEVER


def last_before(rows, sent):
    """Return what `_last_before` must, from (reading, time) of presentations and sends."""
    return [
        max(
            (
                at
                for at, (own, shown_ns) in enumerate(rows)
                if own == reading and shown_ns < sent_ns
            ),
            default=-1,
        )
        for reading, sent_ns in sent
    ]


def columns(rows):
    return (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))


@pytest.mark.parametrize("spread", [4, 1 << 40, 1 << 61])
@pytest.mark.parametrize("seed", range(5))
def test_what_came_in_the_moment_of_the_attempt_was_not_known_before(seed, spread):
    random = np.random.default_rng(seed)
    times = [0, 1, spread // 2, spread - 1, spread]
    rows = sorted((int(random.integers(0, 4)), int(random.choice(times))) for _ in range(30))
    sent = [(reading, t_ns) for reading in range(-1, 5) for t_ns in (*times, NEVER)]
    found = _order_cycles._last_before(*columns(rows), *columns(sent))
    assert found.tolist() == last_before(rows, sent)


@pytest.mark.parametrize(
    ("times_ns", "expected"),
    [([5, 5, 7, 9], [0, 2, 1, 3]), ([5, 4, 9, 7], [2, 0, 3, 1]), ([5, 5, 5, 5], [0, 2, 1, 3])],
)
def test_presentations_are_in_the_order_of_time_however_they_are_recorded(times_ns, expected):
    """Their indices are 0 and 2 in the first reading, 1 and 3 in the second."""
    readings = _order_cycles._Readings(
        at=np.array([0, 2, 1, 3]), number=np.array([0, 0, 1, 1]), keys=np.array([6, 9])
    )
    found, shown_ns = _order_cycles._by_time(readings, np.array(times_ns))
    assert found.tolist() == expected
    assert shown_ns.tolist() == [*sorted(times_ns[:2]), *sorted(times_ns[2:])]
