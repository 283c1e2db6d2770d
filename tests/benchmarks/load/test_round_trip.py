"""The rounds and rows of round trips, with trials that cost what the test says."""

import pytest

from benchmarks.load import peer_process, trial
from benchmarks.load.options import Options
from benchmarks.load.records import Book
from benchmarks.load.round_trip import Cell, _measure_cell, cells, rows
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
