"""How lost connections are described: by whom they were closed, and with which code."""

import pytest

from gauntlet.core.history import ClosedBy
from gauntlet.reports.metrics.indicators import connection_ends
from gauntlet.reports.render import summary


@pytest.mark.parametrize(
    ("closed_by", "code", "text"),
    [
        (ClosedBy.SERVER, 1001, "closed by the server with 1001 (going away)"),
        (ClosedBy.SERVER, 3005, "closed by the server with 3005"),
        (ClosedBy.SERVER, 1006, "lost without a close frame (1006)"),
        (0, 1006, "lost without a close frame (1006)"),
        (0, 4009, "ended with 4009 (silent)"),
        (ClosedBy.CLIENT, 4009, "given up by the client with 4009 (silent)"),
    ],
)
def test_an_end_says_who_closed_the_connection(closed_by, code, text):
    assert connection_ends.end_text(closed_by, code) == text


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"lost": 0, "moved": 0}, ""),
        ({"lost": 0, "moved": 4}, "4 replaced at the request of the server in steady load."),
        (
            {"lost": 2, "moved": 0},
            "2 lost in steady load (12.5 per 1,000 min): 2 closed by the server with 1001.",
        ),
    ],
)
def test_the_summary_names_what_was_lost_in_steady_load(found, sentence):
    """Ends that only faults caused are left out."""
    ends = [
        {"steady": 2, "text": "closed by the server with 1001"},
        {"steady": 0, "text": "lost without a close frame (1006)"},
    ]
    result = {"connections": {**found, "lost_per_1000_min": 12.5, "ends": ends}}
    assert summary.lost_connections(result) == sentence


def test_results_of_older_versions_have_no_connections():
    assert summary.lost_connections({}) == ""
