"""What the machine waited for is read as shares of the time between two looks."""

import time

import pytest

from gauntlet.runner.resource_monitor import StallMonitor

LINES = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 total=7\n"


def test_the_kernels_total_becomes_a_share_of_the_time(tmp_path):
    """A quarter of a second of waiting in half a second is half of it, and is told once."""
    source = tmp_path / "io"
    source.write_text(LINES.format(1_000_000))
    stalls = StallMonitor(source)
    time.sleep(0.5)
    source.write_text(LINES.format(1_250_000))
    assert stalls.since_last()["storage_wait_share"] == pytest.approx(0.5, abs=0.2)
    time.sleep(0.05)
    assert stalls.since_last()["storage_wait_share"] == 0


def test_a_share_is_never_more_than_all(tmp_path):
    """The kernel's clock and ours differ by a little."""
    source = tmp_path / "io"
    source.write_text(LINES.format(0))
    stalls = StallMonitor(source)
    source.write_text(LINES.format(9_000_000))
    assert stalls.since_last()["storage_wait_share"] == 1


@pytest.mark.parametrize("content", [None, "", "some of it\n"])
def test_where_the_kernel_tells_nothing_nothing_is_claimed(tmp_path, content):
    """Other systems, and kernels without the accounting."""
    source = tmp_path / "io"
    if content is not None:
        source.write_text(content)
    assert "storage_wait_share" not in StallMonitor(source).since_last()
