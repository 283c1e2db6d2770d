"""Traces: what is in them, and what is wrong with them."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import arrival_trace
from gauntlet.core.scenario.arrival_trace import Trace


def test_offsets_and_rates_are_read():
    """Comments and blank lines are for people."""
    assert arrival_trace.parse("# mine\noffset_s\n0.5\n\n0.5 # again\n2\n", "t") == Trace(
        "offset_s", (0.5, 0.5, 2.0)
    )
    assert arrival_trace.parse("rate_per_s\n300\n0\n", "t") == Trace("rate_per_s", (300.0, 0.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t:1: found ''; allowed: a header: offset_s or rate_per_s"),
        ("0.5\n1\n", "t:1: found '0.5'; allowed: a header: offset_s or rate_per_s"),
        ("offset_s\n", "t:1: found 'no arrivals'; allowed: at least one row of offset_s"),
        ("rate_per_s\n0\n0\n", "t:3: found 'no arrivals'; allowed: at least one row"),
        ("offset_s\n1\n\n0.5\n", "t:4: found '0.5'; allowed: an offset in seconds, a number of 1"),
        ("offset_s\nsoon\n", "t:2: found 'soon'; allowed: an offset in seconds, a number of 0"),
        ("offset_s\n-1\n", "t:2: found '-1'; allowed: an offset in seconds, a number of 0 or"),
        ("rate_per_s\nnan\n", "t:2: found 'nan'; allowed: a rate per second, a number of 0 or"),
        ("rate_per_s\ninf\n", "t:2: found 'inf'; allowed: a rate per second, a number of 0 or"),
        ("rate_per_s\n3,4\n", "t:2: found '3,4'; allowed: a rate per second"),
    ],
)
def test_a_bad_row_is_named_with_its_line(text, message):
    """Found and allowed, as in scenario files."""
    with pytest.raises(ConfigError) as caught:
        arrival_trace.parse(text, "t")
    assert str(caught.value).startswith(message)


def test_a_trace_is_bounded(tmp_path, monkeypatch):
    """Rows and bytes: a mistaken path must not fill the memory."""
    monkeypatch.setattr(arrival_trace, "ROWS_MAX", 2)
    with pytest.raises(ConfigError, match="t:4: found '3'; allowed: at most 2 rows"):
        arrival_trace.parse("offset_s\n1\n2\n3\n", "t")
    monkeypatch.setattr(arrival_trace, "_BYTES_MAX", 10)
    (tmp_path / "t.csv").write_text("offset_s\n1\n2\n3\n")
    with pytest.raises(ConfigError, match="more than 10 bytes"):
        arrival_trace.read(tmp_path / "t.csv")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Whether it is not there or no text."""
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("none.csv", "t.csv"):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
            arrival_trace.read(tmp_path / name)
