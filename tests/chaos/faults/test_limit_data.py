"""limit-data: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults.limit_data import LimitData

BEFORE = Exchange(3_000, 5_000, 1.0, 2.0, "closed", 2.0)


@pytest.mark.parametrize(
    ("stream", "sent", "received", "ended", "shown"),
    [
        ("downstream", 3_000, 1_000, "closed", True),
        ("downstream", 3_000, 999, "closed", False),
        ("downstream", 3_000, 1_000, "open", False),
        ("upstream", 3_000, 400, "reset", True),
        ("upstream", 1_000, 400, "closed", False),  # the limit was not reached
        ("both", 3_000, 400, "closed", True),
        ("both", 3_000, 5_000, "closed", False),
        ("both", 900, 1_000, "closed", True),
    ],
)
def test_the_exchange_must_be_cut_at_the_limit(spec, stream, sent, received, ended, shown):
    fault = LimitData(spec("limit-data", "edge>broker", bytes=1_000, stream=stream))
    assert fault.is_shown_by(BEFORE, Exchange(sent, received, 1.0, 2.0, ended)) is shown
    assert fault.attributes() == {"bytes": 1_000}


def test_an_answer_of_exactly_the_limit_is_not_cut(spec):
    fault = LimitData(spec("limit-data", "edge>broker", bytes=5_000))
    assert not fault.is_shown_by(BEFORE._replace(sent=60), BEFORE._replace(sent=60))


def test_requests_are_repeated_until_they_exceed_the_limit(spec):
    counts = [LimitData(spec("limit-data", "a>b", bytes=size)).repeat() for size in (1, 60, 9_999)]
    assert counts == [1, 20, 400]
