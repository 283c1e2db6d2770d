"""Files of records."""

import msgspec
import pytest

from gauntlet.campaigns import record_files
from gauntlet.core.errors import ConfigError


class Record(msgspec.Struct, frozen=True):
    """A record."""

    name: str


def read(file):
    return [each.name for each in record_files.read(file, Record)]


def test_records_are_read_in_the_order_in_which_they_were_appended(tmp_path):
    file = tmp_path / "new" / "records.jsonl"
    assert read(file) == []
    for name in ("a", "b"):
        record_files.append(file, Record(name))
    assert read(file) == ["a", "b"]


def test_a_last_line_that_is_cut_off_is_ignored_and_ended_before_the_next(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text('{"name": "a"}\n{"na')
    assert read(file) == ["a"]
    file.write_text('{"name": "a"}\n{"name": "b"}')
    record_files.append(file, Record("c"))
    assert read(file) == ["a", "b", "c"]


def test_a_line_that_is_no_record_is_refused_with_its_number(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text('{"name": "a"}\n{"name": 1}\n')
    with pytest.raises(ConfigError, match=r"records\.jsonl:2 must be a record"):
        read(file)


def test_records_that_cannot_be_read_are_bad_usage(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(tmp_path)
