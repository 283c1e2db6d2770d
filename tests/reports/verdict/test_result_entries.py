"""The entries of `result.json`: times are seconds on the timeline, and infinity is a text."""

import math

import pytest

from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.metrics.fault_phases import Cost, Phases
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.metrics.windows import Window
from gauntlet.reports.verdict import result_entries

S = 1_000_000_000
EVENTS = Events({"ramp": 100 * S}, (), (), (), "", "")
NO_COST = Cost(*[0] * 12)
CRASH = FaultTimes("crash", "kill", "edge", 101 * S, 102 * S, 103 * S, 104 * S)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (math.inf, "inf"),
        (1 / 3, 0.333333),
        ({"a": (1, [math.inf])}, {"a": [1, ["inf"]]}),
        ("text", "text"),
        (None, None),
    ],
)
def test_values_are_those_of_json(value, written):
    assert result_entries.plain(value) == written


def test_a_window_without_an_end_has_none():
    found = result_entries.of_window(
        EVENTS, Window("steady", 105 * S, NEVER, ((106 * S, 107 * S),))
    )
    assert (found["from_s"], found["to_s"], found["without"]) == (5.0, None, [[6.0, 7.0]])


def test_the_times_of_a_fault_are_on_the_timeline():
    found = result_entries.of_fault(EVENTS, CRASH, Recovery(106 * S, 106 * S))
    assert [found[f"{step}_at_s"] for step in ("requested", "effective", "healed")] == [1, 2, 4]
    assert (found["acted_s"], found["recovered_at_s"], found["recovery_ms"]) == (2, 6, 2000)


def test_what_never_happened_after_a_fault_is_infinitely_late():
    """It differs from what is unknown, because the history cannot be judged."""
    phases = Phases(noticed_ns=103 * S, reconnected_ns=NEVER)
    found = result_entries.of_fault(EVENTS, CRASH, Recovery(None, 120 * S), (phases, NO_COST))
    assert (found["noticed_at_s"], found["reconnected_at_s"], found["drained_at_s"]) == (
        3.0,
        math.inf,
        None,
    )
    assert found["cost"]["messages"] == 0
    unjudged = result_entries.of_fault(EVENTS, CRASH, Recovery(None, 0, "why"))
    assert (unjudged["reconnected_at_s"], unjudged["cost"]) == (None, None)
