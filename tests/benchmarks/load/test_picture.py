"""The picture of CPU time over rate, from a small synthetic record."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks.load.picture import Point, curves, draw
from benchmarks.load.records import Record, Window
from benchmarks.load.round_trip import FULL_SPEED, PACED, SAME_RATE
from benchmarks.peers import PEERS

K6, WS = PEERS["k6"].name, PEERS["ws"].name


def round_of(cell, *windows):
    about = {"subject": "s", "commit": None, "date": "", "machine": "", "row": "round-trip"}
    connections = int(cell.partition(" ")[0])
    return Record(**about, cell=cell, connections=connections, windows=list(windows))


def window(who, way, cpu_us, rate_per_s):
    return Window(who=who, way=way, cpu_us=cpu_us, rate_per_s=rate_per_s)


@pytest.fixture
def records():
    """Two rounds of a busy cell and one of a sparse one, with 100 connections; one with 1,000."""
    busy, sparse = "100 connections, busy", "100 connections, 1 msg/s each"
    return [
        round_of(
            busy,
            window("ours", FULL_SPEED, 30.0, 20_000),
            window(K6, FULL_SPEED, 20.0, 50_000),
            window(K6, SAME_RATE, 40.0, 20_000),
            Window(who=WS, way=FULL_SPEED, failure="no connection"),
        ),
        round_of(
            busy,
            window("ours", FULL_SPEED, 34.0, 22_000),
            window(K6, FULL_SPEED, 24.0, 40_000),
            window(K6, SAME_RATE, 42.0, 20_000),
        ),
        round_of(sparse, window(K6, PACED, 400.0, 100), window("ours", PACED, 200.0, 100)),
        round_of("1000 connections, busy", window("ours", FULL_SPEED, 50.0, 15_000)),
    ]


def test_a_curve_has_the_median_and_the_range_of_every_load_by_rate(records):
    assert curves(records, 100) == {
        "ours": [Point(100, 200, 200, 200), Point(21_000, 32, 30, 34)],
        K6: [Point(100, 400, 400, 400), Point(20_000, 41, 40, 42), Point(45_000, 22, 20, 24)],
    }
    assert list(curves(records, 1000)) == ["ours"]


def test_the_picture_names_every_generator_and_each_number_of_connections(records):
    text = draw(records)
    ET.fromstring(text)
    for label in ("ours", K6, "100 connections", "1,000 connections", "messages per second"):
        assert label in text
    assert WS not in text  # it has no window


def test_the_same_records_give_the_same_picture(records):
    assert draw(records) == draw(list(records))
