"""The stage that all toxics derive from."""

from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.toxics._stage import Stage


def test_every_toxic_can_be_made_and_forgets_its_timers(bench):
    """A stage made from allowed attributes leaves no timer behind when its connection goes."""
    for kind in TOXICS:
        good = {"slicer": {"average_size": 2, "delay": 1000}, "timeout": {"timeout": 5}}
        made = bench(kind, **good.get(kind, {}))
        made.stage.feed(b"abcdef")
        made.stage.end()
        made.stage.cancel()
        assert made.clock.pending == 0, kind


def test_only_toxics_that_drop_data_close_on_removal():
    """Bytes that were dropped leave a hole, so that such a connection may not go on."""
    assert [kind for kind, stage in TOXICS.items() if stage.closes_on_removal] == ["timeout"]


def test_the_registry_names_stages():
    """Each toxic is a stage with a schema of its own."""
    assert all(issubclass(stage, Stage) for stage in TOXICS.values())
    assert len({stage.schema for stage in TOXICS.values()}) == len(TOXICS)
