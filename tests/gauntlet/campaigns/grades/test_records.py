"""Records are appended, read again, and decide what a campaign need not repeat."""

import pytest

from gauntlet.campaigns.grades import records, systems
from gauntlet.core.errors import ConfigError

from .example import record


@pytest.fixture
def file(tmp_path):
    return tmp_path / "records" / "grades.jsonl"


def test_what_was_appended_is_read_and_the_last_record_of_a_cell_counts(file):
    first, second = record(), record(verdict="fail", exit_code=1)
    other = record("nats/core/cut")
    for each in (first, other, second):
        records.append(file, each)
    assert records.read(file) == {"nats/core/kill": second, "nats/core/cut": other}


def test_a_file_that_does_not_exist_has_no_records(file):
    assert records.read(file) == {}


def test_a_last_line_that_was_cut_off_is_ignored_and_the_next_record_is_on_its_own_line(file):
    records.append(file, record())
    with file.open("ab") as stream:
        stream.write(b'{"system": "na')
    assert set(records.read(file)) == {"nats/core/kill"}


def test_a_broken_line_is_refused_with_its_number(file):
    records.append(file, record())
    with file.open("ab") as stream:
        stream.write(b'{"system": 5}\n')
    with pytest.raises(ConfigError, match=r"grades\.jsonl:2 must be a record"):
        records.read(file)


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, True),
        ({"verdict": "fail"}, True),
        ({"verdict": "inconclusive"}, False),
        ({"scenario": "of yesterday"}, False),
    ],
)
def test_a_campaign_does_not_repeat_a_cell_that_has_a_verdict(changes, settled):
    (cell,) = systems.chosen(["nats/core/kill"])
    known = {cell.name: record(**changes)}
    assert records.open_cells([cell], known, again=False) == ([] if settled else [cell])
    assert records.open_cells([cell], known, again=True) == [cell]


def test_a_cell_without_a_record_runs():
    (cell,) = systems.chosen(["nats/core/kill"])
    assert records.open_cells([cell], {}, again=False) == [cell]
