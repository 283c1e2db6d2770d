"""How numbers are written for people."""

import pytest

from gauntlet.reports import formatting


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.0, "+0.0 %"),
        (1.143, "+14.3 %"),
        (0.5, "-50.0 %"),
        (12.0, "× 12"),
        (1e6, "× 1,000,000"),
        (1e300, "> × 1,000,000"),
    ],
)
def test_a_change_is_in_per_cent_or_a_multiple(factor, text):
    assert formatting.change(factor) == text
