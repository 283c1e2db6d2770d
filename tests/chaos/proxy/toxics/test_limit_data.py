"""limit_data."""

import pytest


@pytest.mark.parametrize(
    ("limit", "passed", "closed"), [(10, 6, False), (6, 6, True), (4, 4, True), (0, 0, True)]
)
def test_exactly_the_limit_passes_then_the_connection_closes(run_stage, limit, passed, closed):
    """The data is below, equal to and above the limit, and the limit is zero."""
    cut = run_stage("limit_data", bytes=limit)
    cut.stage.feed(b"abc")
    cut.stage.feed(b"def")
    assert cut.data == b"abcdef"[:passed]
    assert (cut.ended_s is not None) == closed


def test_an_update_does_not_reset_the_count(run_stage):
    """A raised limit lets only the difference pass."""
    cut = run_stage("limit_data", bytes=100)
    cut.stage.feed(b"x" * 60)
    cut.update(bytes=80)
    cut.stage.feed(b"y" * 60)
    assert cut.data == b"x" * 60 + b"y" * 20
    assert cut.ended_s == 0


def test_a_lowered_limit_closes_at_the_next_data(run_stage):
    """As in Toxiproxy, the limit is checked only when data arrives."""
    cut = run_stage("limit_data", bytes=100)
    cut.stage.feed(b"x" * 60)
    cut.update(bytes=10)
    assert cut.ended_s is None
    cut.stage.feed(b"y")
    assert (len(cut.data), cut.ended_s) == (60, 0)


def test_an_end_below_the_limit_passes(run_stage):
    """A close is not held."""
    cut = run_stage("limit_data", bytes=10)
    cut.stage.end()
    assert cut.ended_s == 0
