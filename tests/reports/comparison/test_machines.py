"""Machines of one size."""

import pytest

from gauntlet.reports.comparison import machines

MACHINE = {"system": "Linux 6", "cores": 2, "memory_mb": 7956}


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({}, []),
        ({"system": "Linux 7"}, []),
        ({"memory_mb": 7951}, []),  # the same machine with another kernel
        ({"memory_mb": 8100}, []),
        ({"memory_mb": 7700}, ["memory_mb"]),
        ({"memory_mb": None}, ["memory_mb"]),
        ({"cores": 4, "memory_mb": 16_000}, ["cores", "memory_mb"]),
        ({"cores": None}, ["cores"]),
    ],
)
def test_cores_and_memory_make_the_size(changes, differing):
    other = {**MACHINE, **changes}
    assert machines.differing_sizes(MACHINE, other) == differing
    assert machines.differing_sizes(other, MACHINE) == differing


def test_what_neither_machine_records_does_not_differ():
    assert machines.differing_sizes({}, {}) == []
