"""Counting errors by kind and text."""

import json

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.metrics.error_log import (
    ADAPTER,
    CLOSE,
    HTTP,
    PROTOCOL,
    ErrorLog,
    describe_exception,
)


class Clock:
    """A clock that advances by 1 ns at each reading."""

    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        self.now_ns += 1
        return self.now_ns


def found(log):
    return [(count.kind, count.text, count.count) for count in log.counts()]


def test_errors_that_differ_in_ids_only_are_counted_together():
    log = ErrorLog(Clock())
    for number in range(3):
        log.record(
            HTTP, f"HTTP 503: request 8f14e45fceea{number:04} failed after {100 + number} ms"
        )
    assert found(log) == [(HTTP, "HTTP 503: request 8f14e45fceea0000 failed after 100 ms", 3)]


def test_statuses_and_close_codes_are_told_apart():
    log = ErrorLog(Clock())
    for text in ("closed with 1012", "closed with 4008 (slow)", "closed with 1012"):
        log.record(CLOSE, text)
    log.record(HTTP, "HTTP 500")
    log.record(HTTP, "HTTP 404")
    assert found(log) == [
        (CLOSE, "closed with 1012", 2),
        (CLOSE, "closed with 4008 (slow)", 1),
        (HTTP, "HTTP 500", 1),
        (HTTP, "HTTP 404", 1),
    ]


def test_a_server_that_always_says_something_new_is_bounded():
    log = ErrorLog(Clock())
    for number in range(1000):
        log.record(PROTOCOL, "no frame: " + "x" * number)
    counts = log.counts()
    assert len(counts) <= 201
    assert sum(count.count for count in counts) == 1000
    assert max(len(count.text) for count in counts) <= 300
    assert ("other errors" in {count.text for count in counts}) is True


def test_an_exception_of_an_adapter_names_its_line():
    try:
        json.loads("{")
    except ValueError as error:
        text = describe_exception(error)
    assert text.startswith("JSONDecodeError: ")
    assert "(test_error_log.py:" in text


class SetClock:
    """A clock that tests set."""

    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        return self.now_ns


def test_errors_are_counted_by_second_and_the_number_of_seconds_is_bounded():
    clock = SetClock()
    log = ErrorLog(clock)
    for second in range(4_000):
        clock.now_ns = second * NS_PER_S + 1
        log.record(CLOSE, "closed with 1005")
        log.record(CLOSE, "closed with 1005")
    (count,) = log.counts()
    assert count.count == 8_000
    assert len(count.seconds) == 3_600
    assert count.seconds[0] == 2


def test_the_rows_hold_counts_and_times():
    rows = []

    class Journal:
        def write(self, kind, **fields):
            rows.append((kind, fields))

    log = ErrorLog(Clock())
    log.record(ADAPTER, "KeyError: 'id' (mine.py:12)")
    log.record(ADAPTER, "KeyError: 'id' (mine.py:12)")
    log.write(Journal())
    (row,) = rows
    assert row == (
        "error-count",
        {
            "concerns": ADAPTER,
            "text": "KeyError: 'id' (mine.py:12)",
            "pattern": "KeyError: 'id' (mine.py:12)",
            "count": 2,
            "first_ns": 1,
            "last_ns": 2,
            "seconds": [(0, 2)],
        },
    )
