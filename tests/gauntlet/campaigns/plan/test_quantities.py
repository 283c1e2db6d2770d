"""Quantities of the command line."""

import argparse
import datetime as dt

import pytest

from gauntlet.campaigns.plan import quantities


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (quantities.count, "10M", 1e7),
        (quantities.count, "250k", 2.5e5),
        (quantities.count, "1.5", 1.5),
        (quantities.count, "1e6", 1e6),
        (quantities.share, "25%", 0.25),
        (quantities.share, "0.25", 0.25),
        (quantities.share, "100%", 1.0),
        (quantities.growth, "5%/month", 0.05),
        (quantities.growth, "-5%/month", -0.05),
        (quantities.growth, "0%/month", 0.0),
        (quantities.size, "8GB", 8e9),
        (quantities.size, "16GiB", 16 * 2**30),
        (quantities.duration_range, "5s-15s", (5.0, 15.0)),
        (quantities.duration_range, "300ms", (0.3, 0.3)),
        (quantities.date, "2026-12-01", dt.date(2026, 12, 1)),
    ],
)
def test_quantities_are_read_with_their_units(read, text, value):
    assert (
        read(text) == pytest.approx(value) if read is not quantities.date else read(text) == value
    )


def test_yearly_growth_is_compounded():
    assert (1 + quantities.growth("80%/year")) ** 12 == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((quantities.count, text) for text in ("", "0", "-1", "nan", "inf", "10 M", "1e99", "٣")),
        *((quantities.share, text) for text in ("0%", "101%", "nan", "2", "25 %", "")),
        *((quantities.growth, text) for text in ("5%", "5/month", "-100%/month", "nan%/month")),
        *((quantities.size, text) for text in ("8", "0GB", "8 GB", "nanGB")),
        *((quantities.duration_range, text) for text in ("15s-5s", "5", "s", "5s-", "1s-2s-3s")),
        *((quantities.date, text) for text in ("tomorrow", "2026-13-01", "")),
    ],
)
def test_what_is_no_quantity_is_refused_with_its_form(read, text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be"):
        read(text)
