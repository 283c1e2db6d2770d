"""slow-close: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.slow_close import SlowClose

BEFORE = Exchange(0, ended="closed", ended_ms=10.0)


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (BEFORE, BEFORE._replace(ended_ms=90.0), True),
        (BEFORE, BEFORE._replace(ended_ms=89.0), False),
        (BEFORE, BEFORE._replace(ended="open", ended_ms=None), True),
        (BEFORE, Exchange(0, ended="refused"), False),
        (BEFORE._replace(ended="open", ended_ms=None), BEFORE._replace(ended="open"), False),
    ],
)
def test_the_end_must_come_late(spec, before, now, shown):
    fault = SlowClose(spec("slow-close", "edge>broker", delay="100ms"))
    assert fault.is_shown_by(before, now) is shown
    assert fault.attributes() == {"delay": 100}


def test_the_end_is_awaited_only_where_the_delay_is_short(spec):
    assert SlowClose(spec("slow-close", "edge>broker", delay="1h")).timeout_s(3.0) == 1.0
