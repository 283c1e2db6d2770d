"""Samples of several kinds are the same whether they share their times or not."""

import numpy as np
import pytest

from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics.samples import Builder, collect
from gauntlet.reports.parts.shared_times import SharedTimes

CELL_NS = 1 << 32


def part(random, *, long=False, missed=False):
    """Return samples of three kinds: with `long`, one latency is; with `missed`, one is further."""
    intended_ns = np.sort(random.integers(0, 3 * CELL_NS, 50))
    kinds = [random.integers(0, 10**9, intended_ns.size) for _ in range(3)]
    if long:
        kinds[1][7] = NEVER
        kinds[1][9] = 2 * CELL_NS
    found = [collect(intended_ns, took_ns) for took_ns in kinds]
    if missed:
        found[0] = collect(np.append(intended_ns, CELL_NS), np.append(kinds[0], 5))
    return found


def rows(samples):
    """Return all samples, sorted."""
    return sorted(zip(*(column.tolist() for column in samples.rows()), strict=True))


@pytest.mark.parametrize(
    "parts",
    [
        [{}],
        [{}, {}, {}],
        [{}, {"long": True}, {}],
        [{"missed": True}],
        [{"long": True}, {"missed": True}, {}, {"long": True, "missed": True}],
    ],
)
def test_all_samples_of_all_parts_are_kept(parts):
    random = np.random.default_rng(3)
    shared, apart = SharedTimes(3), [Builder() for _ in range(3)]
    for options in parts:
        found = part(random, **options)
        shared.add(found)
        for builder, samples in zip(apart, found, strict=True):
            builder.add(samples)
    for one, other in zip(shared.samples(), (each.samples() for each in apart), strict=True):
        assert rows(one) == rows(other)
        starts = [cell.start_ns for cell in one.cells]
        assert starts == sorted(set(starts))
        assert one.between(CELL_NS, 2 * CELL_NS).size == other.between(CELL_NS, 2 * CELL_NS).size


def test_the_times_of_the_same_messages_are_kept_once():
    random = np.random.default_rng(3)
    shared = SharedTimes(3)
    shared.add(part(random))
    shared.add(part(random))
    first, *others = shared.samples()
    for other in others:
        pairs = zip(first.cells, other.cells, strict=True)
        assert all(own.offset_ns is known.offset_ns for own, known in pairs)


def test_without_samples_there_are_none():
    shared = SharedTimes(3)
    none = np.empty(0, dtype=np.int64)
    shared.add([collect(none, none)] * 3)
    assert [each.size for each in shared.samples()] == [0, 0, 0]
