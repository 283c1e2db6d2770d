"""blackhole: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.blackhole import Blackhole

BEFORE = Exchange(60, 100, 1.0, 1.0)


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (Exchange(60), True),
        (Exchange(60, 100, 1.0, 1.0), False),
        (Exchange(60, ended="closed", ended_ms=1.0), True),  # the server closes after an answer
        (Exchange(0, ended="closed", ended_ms=1.0), False),  # the server behind the proxy is down
        (Exchange(0, ended="reset", ended_ms=1.0), False),
        (Exchange(0, ended="refused"), False),
    ],
)
def test_only_a_connection_that_was_open_and_got_no_answer_shows_it(spec, now, shown):
    fault = Blackhole(spec("blackhole", "edge>broker"))
    assert fault.is_shown_by(BEFORE, now) is shown


def test_it_drops_without_closing(spec):
    assert Blackhole.toxic == "timeout"
    assert Blackhole(spec("blackhole", "edge>broker")).attributes() == {"timeout": 0}
