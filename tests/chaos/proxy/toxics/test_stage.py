"""The base class of all toxics."""

from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.toxics._stage import NoAttributes, Stage


def test_every_toxic_cancels_its_timers_when_the_connection_ends(run_stage):
    """Each one is created from valid attributes."""
    for kind in TOXICS:
        valid_attributes = {"slicer": {"average_size": 2, "delay": 1000}, "timeout": {"timeout": 5}}
        harness = run_stage(kind, **valid_attributes.get(kind, {}))
        harness.stage.feed(b"abcdef")
        harness.stage.end()
        harness.stage.cancel()
        assert harness.clock.pending == 0, kind


def test_only_toxics_that_drop_data_close_on_removal():
    """Dropped bytes leave a hole in the stream, so the connection must not continue."""
    assert [kind for kind, stage in TOXICS.items() if stage.closes_on_removal] == ["timeout"]


def test_every_toxic_is_a_stage_with_its_own_schema():
    """Two toxics must not share a schema by accident."""
    assert all(issubclass(stage, Stage) for stage in TOXICS.values())
    schemas = [stage.schema for stage in TOXICS.values() if stage.schema is not NoAttributes]
    assert len(set(schemas)) == len(schemas) == len(TOXICS) - 3
