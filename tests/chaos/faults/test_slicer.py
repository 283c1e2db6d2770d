"""slicer: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.slicer import Slicer

BEFORE = Exchange(300, 600, 1.0, 2.0, "closed", 2.0)


@pytest.mark.parametrize(
    ("stream", "last_ms", "shown"),
    [
        ("downstream", 20.0, True),  # 600 bytes are at least 4 pieces of 150, with 12 ms between
        ("downstream", 19.9, False),
        ("upstream", 8.0, True),
        ("upstream", 7.9, False),
        ("both", 20.0, True),
    ],
)
def test_an_exchange_must_take_half_as_long_as_the_delays_between_its_pieces(
    spec, stream, last_ms, shown
):
    fault = Slicer(spec("slicer", "edge>broker", bytes=100, delay="12ms", stream=stream))
    assert fault.is_shown_by(BEFORE, BEFORE._replace(last_ms=last_ms)) is shown
    assert fault.attributes() == {"average_size": 100, "size_variation": 50, "delay": 12_000}


def test_pieces_that_are_larger_than_the_exchange_show_nothing(spec):
    fault = Slicer(spec("slicer", "edge>broker", bytes=65_536, delay="1s"))
    assert not fault.is_shown_by(BEFORE, BEFORE._replace(last_ms=900.0))


def test_requests_are_repeated_until_their_pieces_take_a_tenth_of_a_second(spec):
    fault = Slicer(spec("slicer", "edge>broker", bytes=40, delay="20ms"))
    assert fault.repeat() == 8  # 320 bytes are at least 6 pieces of 60, with 5 delays between
