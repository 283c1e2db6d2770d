"""The book of a benchmark continues where its records end."""

import time

import pytest

from benchmarks.load import records
from benchmarks.load.__main__ import OTHERS, measure, table
from benchmarks.load.options import Options
from benchmarks.load.records import Book, OutOfTime, Window
from benchmarks.table import Row

OPTIONS = Options(peers=())
ROWS = [Row("record", "what", "1 µs", "≤ 2 µs", met=True)]


@pytest.fixture
def file(tmp_path):
    """The file of the records."""
    return tmp_path / "load.jsonl"


def test_what_one_subject_measured_is_unknown_to_another(file):
    Book(file, "a").add_round("100 connections, busy", 100, 5.0, [Window(who="ours", way="busy")])
    assert len(Book(file, "a").rounds("100 connections, busy")) == 1
    assert not Book(file, "a").rounds("100 connections, 1 msg/s each")
    assert not Book(file, "b").records


def test_the_subject_is_that_of_the_options_without_the_number_of_rounds():
    subjects = [
        records.subject(options)
        for options in (Options(), Options(repeats=9), Options(seconds=1.0), Options(peers=()))
    ]
    assert subjects[0] == subjects[1]
    assert len(set(subjects)) == 3


def test_only_the_latest_subject_is_rendered(file):
    for subject in ("a", "b", "a"):
        Book(file, subject).add_rows("record", ROWS)
    assert [each.subject for each in records.latest(records.read(file))] == ["a", "a"]


def test_rows_are_measured_once_and_read_back_as_they_were(file, monkeypatch):
    calls = []
    monkeypatch.setitem(OTHERS, "record", lambda _: calls.append(1) or ROWS)
    for _ in range(2):
        assert measure(OPTIONS, ["record"], Book(file, "a"))
    assert len(calls) == 1
    assert table(OPTIONS, Book(file, "a").records) == ROWS


def test_nothing_begins_after_the_end_of_the_time_and_the_next_call_continues(file, monkeypatch):
    monkeypatch.setitem(OTHERS, "record", lambda _: ROWS)
    late = Book(file, "a", ends_s=time.monotonic())
    with pytest.raises(OutOfTime):
        late.require_time()
    assert not measure(OPTIONS, ["record"], late)
    assert not late.records
    assert measure(OPTIONS, ["record"], Book(file, "a"))
