"""The rows of round trips, with trials that cost what the test says."""

import pytest

from benchmarks.load import peer_process, round_trip, trial
from benchmarks.load.options import Options
from benchmarks.load.round_trip import _Cell, _measure
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
    return paces_s


def test_a_busy_peer_runs_at_full_speed_and_at_our_rate_in_turn(paces_s):
    rows = list(_measure(Options(repeats=3), None, _Cell(100, sparse=False)))
    assert [(row.what.split(", ", 1)[1], row.ratio) for row in rows] == [
        ("100 connections, busy", ""),
        ("100 connections, busy", "0.3 × ours"),
        ("100 connections, at the same rate", "0.7 × ours"),
    ]
    assert paces_s == [0.0, 100 / RATE] * 3
    assert rows[0].measured.startswith(
        "30.0 µs (20.0 to 40.0) at 20000/s, 60 % of a core, loop 7.0"
    )


def test_a_sparse_peer_runs_at_one_pace(paces_s):
    rows = list(_measure(Options(repeats=1), None, _Cell(100, sparse=True)))
    assert len(rows) == 2
    assert paces_s == [round_trip.PACE_S]


def test_a_peer_that_fails_is_not_tried_again(paces_s, monkeypatch):
    def fail(*_):
        paces_s.append(None)
        raise RuntimeError("no connection")

    monkeypatch.setattr(trial, "measure_peer", fail)
    rows = list(_measure(Options(repeats=2), None, _Cell(100, sparse=True)))
    assert rows[1].measured == "no connection"
    assert len(paces_s) == 1
