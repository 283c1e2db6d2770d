"""A comparison of the fault proxies goes on where it was interrupted."""

from contextlib import nullcontext

import pytest

from benchmarks.proxy import __main__ as bench
from benchmarks.proxy.windows import Windows


class Interrupted(Exception):
    """The comparison was stopped."""


@pytest.fixture
def calls(monkeypatch):
    """Measures without a proxy, which note what they are asked for; the sixth one interrupts."""
    noted = []

    def measure(backend):
        noted.append(backend)
        if len(noted) == 6:
            raise Interrupted
        return {"rate": len(noted), "% off": 0.0}

    monkeypatch.setattr(bench, "_bench", lambda backend, _window_s: nullcontext(backend))
    monkeypatch.setattr(bench, "MEASURES", {"first": measure, "second": measure})
    return noted


def windows(tmp_path, seconds=1.0, commit="abc"):
    return Windows(tmp_path / "proxy.jsonl", seconds, commit)


def test_windows_that_were_measured_are_not_measured_again(tmp_path, calls):
    names = ("first", "second")
    with pytest.raises(Interrupted):
        bench.measure(names, 2, 1.0, windows(tmp_path))
    assert len(calls) == 6
    bench.measure(names, 2, 1.0, windows(tmp_path))
    assert len(calls) == 9  # two rounds of two measures of two backends, and one again
    bench.measure(names, 2, 1.0, windows(tmp_path))
    assert len(calls) == 9
    samples = windows(tmp_path).samples(names, 2)
    assert {each: len(values) for each, values in samples["rate"].items()} == {
        "embedded": 4,
        "toxiproxy": 4,
    }
    assert windows(tmp_path).samples(("first",), 1)["rate"] == {"embedded": [1], "toxiproxy": [2]}


@pytest.mark.parametrize("other", [{"seconds": 2.0}, {"commit": "def"}])
def test_windows_of_another_length_or_version_do_not_count(tmp_path, calls, other):
    bench.measure(("first",), 1, 1.0, windows(tmp_path))
    assert not windows(tmp_path, **other).has("first", "embedded", 0)
    assert windows(tmp_path).has("first", "embedded", 0)
    assert not windows(tmp_path).has("first", "embedded", 1)


def test_the_table_has_the_median_the_range_and_the_ratio(tmp_path, calls):
    bench.measure(("first",), 2, 1.0, windows(tmp_path))
    rate, off = bench.cells(windows(tmp_path).samples(("first",), 2))
    assert rate == ("rate", "2.5 (1 to 4)", "2.5 (2 to 3)", "1.00")
    assert off[3] == ""
