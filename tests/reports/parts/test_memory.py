"""What is kept of a delivery, and what a part needs, does not grow with the history."""

import tracemalloc

import pytest

from benchmarks.histories import Size, generate
from gauntlet.reports.history import records as shards
from gauntlet.reports.parts import processes
from gauntlet.reports.parts.splitting import Sizes
from gauntlet.reports.verdict.judge import judge

SMALL, LARGE = 20_000, 60_000
SIZES = Sizes(part=4_000, batch=12_000, whole=8_000)


@pytest.fixture
def peak_of(tmp_path, monkeypatch):
    """Return a function that judges a generated history, and returns the peak of its memory."""
    monkeypatch.setattr(processes, "cores", lambda: 1)
    monkeypatch.setattr(shards, "CHUNK_RECORDS", 2_000)

    def measure(deliveries, *, solo):
        size = Size.of(deliveries, solo=solo)
        run = generate(tmp_path / f"{deliveries}-{solo}", size)
        judge(run, SIZES)  # what is imported and cached for the first run is there
        tracemalloc.start()
        try:
            result = judge(run, SIZES)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert result["verdict"]["status"] == "pass"
        return peak

    return measure


@pytest.mark.parametrize("solo", [False, True], ids=["rooms", "one room"])
def test_a_delivery_adds_few_bytes_to_the_largest_amount_of_memory(peak_of, solo):
    """Its records, of which nothing is kept, have about 72."""
    added = peak_of(LARGE, solo=solo) - peak_of(SMALL, solo=solo)
    assert added / (LARGE - SMALL) < 35
