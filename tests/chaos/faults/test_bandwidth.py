"""bandwidth: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.bandwidth import Bandwidth

BEFORE = Exchange(1_000, 2_000, 1.0, 2.0, "closed", 2.0)


@pytest.mark.parametrize(
    ("stream", "last_ms", "shown"),
    [
        ("both", 102.0, True),  # 2,000 bytes need 200 ms at 10 bytes/ms
        ("both", 100.0, False),
        ("downstream", 102.0, True),
        ("upstream", 52.0, True),  # 1,000 bytes
        ("upstream", 51.0, False),
    ],
)
def test_an_exchange_must_take_half_as_long_as_its_bytes_need(spec, stream, last_ms, shown):
    fault = Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=10, stream=stream))
    now = BEFORE._replace(last_ms=last_ms)
    assert fault.is_shown_by(BEFORE, now) is shown
    assert fault.attributes() == {"rate": 10}


def test_a_limit_that_an_exchange_does_not_reach_is_not_shown_by_a_late_answer(spec):
    fault = Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=1_000))
    assert not fault.is_shown_by(BEFORE, BEFORE._replace(last_ms=500.0))


def test_an_incomplete_answer_shows_nothing(spec):
    fault = Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=1))
    assert not fault.is_shown_by(BEFORE, BEFORE._replace(received=1_999, last_ms=9_000.0))


def test_requests_are_repeated_until_they_take_a_tenth_of_a_second(spec):
    counts = {
        rate: Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=rate)).repeat()
        for rate in (1, 40, 100_000)
    }
    assert counts == {1: 3, 40: 100, 100_000: 400}
