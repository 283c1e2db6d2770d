"""Reading scaling data."""

from pathlib import Path

import pytest

from gauntlet.campaigns.plan.usl import scaling_file
from gauntlet.core.errors import ConfigError

GOOD = "n,throughput\n1,10\n4,35\n2,19\n8,60\n2,20\n"


@pytest.fixture
def read(tmp_path):
    """Reads a text as scaling data."""

    def reading(content):
        file = tmp_path / "scaling.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return scaling_file.read(file)

    return reading


def test_rows_are_sorted_by_n_and_repeated_levels_are_kept(read):
    n, throughput = read(GOOD)
    assert n.tolist() == [1, 2, 2, 4, 8]
    assert throughput.tolist() == [10, 19, 20, 35, 60]


def test_further_columns_a_mark_and_other_line_ends_are_accepted(read):
    n, _ = read("\ufeffhost, N ,Throughput\r\na,1,10\r\nb,2,19,\r\n\r\nc,4,35\r\nd,8,60\r\n")
    assert n.tolist() == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", ":1: the first line"),
        ("n,rate\n1,2\n", ":1: the first line"),
        ("n,n,throughput\n1,1,2\n", ":1: the first line"),
        ("n,throughput\n", "at least 4 different n; got 0"),
        ("n,throughput\n1,10\n1,11\n2,19\n4,35\n", "at least 4 different n; got 3"),
        ("n;throughput\n1;2\n", "with commas between columns; got 'n;throughput'"),
        (GOOD + "3,nan\n", ":7: n must be between 1"),
        (GOOD + "nan,3\n", ":7: n must be between 1"),
        (GOOD + "inf,3\n", ":7: n must be between 1"),
        (GOOD + "3,0\n", ":7: n must be between 1"),
        (GOOD + "0.5,3\n", ":7: n must be between 1"),
        (GOOD + "1e8,3\n", ":7: n must be between 1"),
        (GOOD + "3,1e999\n", ":7: n must be between 1"),
        (GOOD + "3,20,5\n", ":7: a row must have at most 2 cells"),
        (GOOD + "three,3\n", ":7: n and throughput must be numbers"),
        (GOOD + "3\n", ":7: n and throughput must be numbers"),
        (GOOD + "=1+1,3\n", ":7: n and throughput must be numbers"),
        (b"\xff\xfe", "cannot be read"),
        ("n,throughput\n" + "1,1\n" * 10_001, "at most 10000 rows"),
        ("n,throughput\n" + " " * 2**20, "at most 1 MiB"),
    ],
)
def test_data_that_is_not_valid_is_refused_with_its_line(read, content, problem):
    with pytest.raises(ConfigError, match=problem):
        read(content)


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        scaling_file.read(tmp_path / "none.csv")


def test_a_device_without_end_is_refused():
    with pytest.raises(ConfigError, match="at most 1 MiB"):
        scaling_file.read(Path("/dev/zero"))
