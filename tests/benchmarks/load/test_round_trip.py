"""The rounds and rows of round trips, with trials that cost what the test says."""

import pytest

from benchmarks.load import peer_process, trial
from benchmarks.load.options import Options
from benchmarks.load.records import Book, Record, Window
from benchmarks.load.round_trip import (
    FLOOR,
    FULL_SPEED,
    OURS,
    PACED,
    SAME_RATE,
    Cell,
    _measure_cell,
    cells,
    rows,
)
from benchmarks.load.trial import CpuCost, EngineTrial
from benchmarks.peers import PEERS

RATE = 20_000.0
PEER = PEERS["websockets"]


@pytest.fixture
def paces_s(monkeypatch):
    """Ours costs 30, 20 and 40 µs, a peer 10 µs and at a pace twice that; its paces are noted."""
    paces_s, ours_us = [], iter([30.0, 20.0, 40.0])

    def measure_peer(peer, echo, connections, pace_s, seconds):
        paces_s.append(pace_s)
        return CpuCost(20.0 if pace_s else 10.0, 1_000, 7.0)

    monkeypatch.setattr(trial, "busy_rate", lambda _: RATE)
    monkeypatch.setattr(trial, "measure_peer", measure_peer)
    monkeypatch.setattr(
        trial, "measure_engine", lambda *_: EngineTrial(CpuCost(next(ours_us), RATE, 7.0), 0, 1.0)
    )
    monkeypatch.setattr(peer_process, "installed_peers", lambda _: {"websockets": PEER})
    monkeypatch.setattr(peer_process, "missing_peers", lambda _: {})
    return paces_s


@pytest.fixture
def measured(tmp_path):
    """Measure a cell with a new book on the same file, and return its rows."""

    def measured(cell, repeats):
        options, book = Options(repeats=repeats), Book(tmp_path / "records.jsonl", "subject")
        _measure_cell(options, book, None, cell)
        return rows(options, book.records)

    return measured


def test_a_busy_peer_runs_at_full_speed_and_at_our_rate_in_turn(paces_s, measured):
    found = measured(Cell(100), 3)
    assert [(row.what.split(", ", 1)[1], row.ratio) for row in found] == [
        ("100 connections, busy", ""),
        ("100 connections, busy", "0.3 × ours"),
        ("100 connections, at the same rate", "0.7 × ours"),
    ]
    assert paces_s == [0.0, 100 / RATE] * 3
    assert found[0].measured.startswith(
        "30.0 µs (20.0 to 40.0) at 20000/s, 60 % of a core, loop 7.0"
    )


@pytest.mark.parametrize("per_s", [1.0, 10.0])
def test_a_sparse_peer_runs_at_one_pace(paces_s, measured, per_s):
    found = measured(Cell(100, per_s), 1)
    assert [row.what.partition(", ")[2] for row in found] == [
        f"100 connections, {per_s:g} msg/s each"
    ] * 2
    assert paces_s == [1 / per_s]


def test_a_peer_that_fails_is_not_tried_again(paces_s, measured, monkeypatch):
    def fail(*_):
        paces_s.append(None)
        raise RuntimeError("no connection")

    monkeypatch.setattr(trial, "measure_peer", fail)
    assert measured(Cell(100, 1.0), 2)[1].measured == "no connection"
    assert measured(Cell(100, 1.0), 3)[1].measured == "no connection"
    assert len(paces_s) == 1


def test_rounds_that_are_recorded_are_not_measured_again(paces_s, measured, monkeypatch):
    """Nor is the rate searched again, at which the others were measured."""
    measured(Cell(100), 1)
    monkeypatch.setattr(trial, "busy_rate", None)
    assert measured(Cell(100), 3)[0].measured.startswith("30.0 µs (20.0 to 40.0)")
    assert len(paces_s) == 6


def test_a_benchmark_has_three_loads_for_each_number_of_connections():
    assert [cell.name for cell in cells(Options(connections=(100,)))] == [
        "100 connections, busy",
        "100 connections, 1 msg/s each",
        "100 connections, 10 msg/s each",
    ]


def row_of(cell, *windows):
    """Return what the table says of windows: targets, ratios and whether they were reached."""
    record = Record(
        subject="",
        commit=None,
        date="",
        machine="",
        row="round-trip",
        cell=cell,
        windows=[Window(who=who, way=way, cpu_us=cost_us) for who, way, cost_us in windows],
    )
    return [(row.target, row.ratio, row.met) for row in rows(Options(peers=()), [record])]


@pytest.mark.parametrize(
    ("ours_us", "floor_us", "met"), [(15.0, 7.0, True), (15.1, 7.0, False), (14.0, 6.0, False)]
)
def test_a_busy_core_has_a_limit_of_its_own_and_one_in_floors(ours_us, floor_us, met):
    ours, *_ = row_of(
        "100 connections, busy",
        (OURS, FULL_SPEED, ours_us),
        (FLOOR, FULL_SPEED, 1.0),
        (FLOOR, SAME_RATE, floor_us),
    )
    assert ours == ("≤ 15 µs, ≤ 2.2 × C on epoll", f"{ours_us / floor_us:.1f} × C on epoll", met)


def test_a_target_in_floors_is_neither_reached_nor_missed_without_a_floor():
    assert row_of("1000 connections, 1 msg/s each", (OURS, PACED, 60.0)) == [
        ("≤ 1.6 × C on epoll", "", None)
    ]


def test_a_peer_with_statistics_has_to_cost_more_at_the_same_rate():
    windows = [(OURS, FULL_SPEED, 20.0), ("k6", SAME_RATE, 20.1), ("k6", FULL_SPEED, 10.0)]
    windows += [("Tsung", SAME_RATE, 19.9), ("node ws", SAME_RATE, 10.0)]
    assert row_of("100 connections, busy", *windows)[1:] == [
        ("more than ours", "1.0 × ours", True),
        ("", "0.5 × ours", None),
        ("more than ours", "1.0 × ours", False),
        ("", "0.5 × ours", None),
    ]


def test_a_cell_without_a_target_judges_nothing():
    windows = [(OURS, PACED, 90.0), ("k6", PACED, 20.0), (FLOOR, PACED, 10.0)]
    assert [met for *_, met in row_of("100 connections, 1 msg/s each", *windows)] == [None] * 3
