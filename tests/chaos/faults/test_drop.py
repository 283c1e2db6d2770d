"""drop: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.drop import Drop

BEFORE = Exchange(60, 100, 1.0, 1.0, "closed", 1.0)


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (BEFORE, Exchange(60, ended="closed", ended_ms=1.0), True),
        (BEFORE, Exchange(60, ended="reset", ended_ms=1.0), True),
        (BEFORE, Exchange(60, 1, 1.0, 1.0, "closed", 1.0), False),
        (BEFORE, Exchange(60), False),  # silent, but not closed
        (BEFORE, Exchange(0, ended="closed", ended_ms=1.0), False),  # the server is down
        (BEFORE, Exchange(0, ended="refused"), False),
        (Exchange(60, ended="closed"), Exchange(60, ended="closed"), False),  # as before
    ],
)
def test_a_connection_must_end_without_an_answer(spec, before, now, shown):
    fault = Drop(spec("drop", "edge>broker"))
    assert fault.is_shown_by(before, now) is shown
    assert (fault.toxic, fault.attributes()) == ("limit_data", {"bytes": 0})
