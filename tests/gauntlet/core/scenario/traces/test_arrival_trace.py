"""Reading traces of recorded arrivals."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.core.scenario.traces.arrival_trace import Trace


def test_offsets_and_rates_are_read_without_comments_and_blank_lines():
    assert arrival_trace.parse("# mine\noffset_s\n0.5\n\n0.5 # again\n2\n", "t") == Trace(
        "offset_s", (0.5, 0.5, 2.0)
    )
    assert arrival_trace.parse("rate_per_s\n300\n0\n", "t") == Trace("rate_per_s", (300.0, 0.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t:1: the header must be offset_s or rate_per_s; got ''"),
        ("0.5\n1\n", "t:1: the header must be offset_s or rate_per_s; got '0.5'"),
        ("offset_s\n", "t:1: the trace must have at least one row; got none"),
        ("rate_per_s\n0\n0\n", "t:3: at least one rate must be above 0; got only zeros"),
        (
            "offset_s\n1\n\n0.5\n",
            "t:4: offset_s must be a number of 1 or more, because offsets ascend; got '0.5'",
        ),
        ("offset_s\nsoon\n", "t:2: offset_s must be a number of 0 or more; got 'soon'"),
        ("offset_s\n-1\n", "t:2: offset_s must be a number of 0 or more; got '-1'"),
        ("rate_per_s\nnan\n", "t:2: rate_per_s must be a number of 0 or more; got 'nan'"),
        ("rate_per_s\ninf\n", "t:2: rate_per_s must be a number of 0 or more; got 'inf'"),
        ("rate_per_s\n3,4\n", "t:2: rate_per_s must be a number of 0 or more; got '3,4'"),
    ],
)
def test_an_error_names_the_line_what_is_allowed_and_what_was_found(text, message):
    with pytest.raises(ConfigError) as caught:
        arrival_trace.parse(text, "t")
    assert str(caught.value) == message


def test_traces_with_too_many_rows_or_bytes_are_refused(tmp_path, monkeypatch):
    """A wrong path must not fill the memory."""
    monkeypatch.setattr(arrival_trace, "ROWS_MAX", 2)
    with pytest.raises(ConfigError, match="t:4: the trace must have at most 2 rows"):
        arrival_trace.parse("offset_s\n1\n2\n3\n", "t")
    monkeypatch.setattr(arrival_trace, "BYTES_MAX", 10)
    (tmp_path / "t.csv").write_text("offset_s\n1\n2\n3\n")
    with pytest.raises(ConfigError, match=r"t\.csv must have at most 10 bytes; got 15"):
        arrival_trace.read(tmp_path / "t.csv")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfoffset_s\r\n0\r\n1.5\r\n")
    assert list(arrival_trace.read(tmp_path / "t.csv").values) == [0, 1.5]
    row = b'\xef\xbb\xbf{"offset_s": 2, "text": "x"}\n'
    (tmp_path / "t.jsonl").write_bytes(row)
    assert list(arrival_trace.read(tmp_path / "t.jsonl").values) == [2]


def test_a_missing_file_and_a_binary_file_are_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("none.csv", "t.csv"):
        with pytest.raises(ConfigError, match=f"{name} cannot be read"):
            arrival_trace.read(tmp_path / name)
