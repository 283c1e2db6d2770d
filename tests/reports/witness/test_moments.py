"""The time of violations is described together with the fault that was near."""

import numpy as np
import pytest

from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.witness import moments

S = 1_000_000_000


def events(*faults):
    """Return events with these faults: (id, effective, healed) in seconds of the timeline."""
    made = (
        FaultTimes(
            id=name,
            kind="kill",
            target="x",
            effective_ns=None if begin is None else int((100 + begin) * S),
            healed_ns=None if end is None else int((100 + end) * S),
        )
        for name, begin, end in faults
    )
    return Events({"ramp": 100 * S}, tuple(made), (), (), "", "")


def described(times_s, *faults):
    """Return the description of violations at these seconds."""
    times = np.array([int((100 + at) * S) for at in times_s], dtype=np.int64)
    return moments.describe(events(*faults), times, "were acknowledged")


@pytest.mark.parametrize(
    ("times_s", "sentence"),
    [
        (
            [11.7, 11.9],
            "All 2 were acknowledged in the 300 ms before fault f took effect at 12.0 s.",
        ),
        ([11.7], "It was acknowledged 300 ms before fault f took effect at 12.0 s."),
        ([12.5, 13.0], "All 2 were acknowledged from 12.5 s to 13.0 s, while fault f acted."),
        ([14.2, 15.0], "All 2 were acknowledged in the 1 s after fault f was healed at 14.0 s."),
        ([5.0, 25.0], "All 2 were acknowledged from 5.0 s to 25.0 s."),
        ([5.0], "It was acknowledged at 5.0 s."),
        ([], ""),
    ],
)  # fmt: skip
def test_a_time_is_related_to_the_fault_that_was_near(times_s, sentence):
    assert described(times_s, ("f", 12.0, 14.0)) == sentence


def test_a_fault_that_had_no_effect_is_not_named():
    assert described([12.0], ("f", None, None)) == "It was acknowledged at 12.0 s."


def test_a_fault_that_was_never_healed_acts_until_the_end():
    assert described([99.0], ("f", 12.0, None)).endswith("while fault f acted.")


def test_times_that_are_not_known_are_left_out():
    assert moments.describe(events(), np.array([0, moments.NEVER]), "occurred") == ""
