"""Reads the history of a story, for fixtures and for tests that make many stories."""

import tempfile
from pathlib import Path

from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.core.scenario.model import from_builtins
from gauntlet.reports.history.events import collect_events
from gauntlet.reports.history.history import History, load_history


def read_history(story: Story, run: RunDir, without: str = "") -> History:
    """Return the history of a story's run directory, `without` a capability."""
    scenario = from_builtins(story.scenario)
    events = collect_events(run.read_events(), scenario.faults)
    return load_history(run, scenario, events, frozenset(CAPABILITIES) - {without})


def history_of(story: Story) -> History:
    """Return the history of a story; its run directory is removed."""
    story.reconcile()
    with tempfile.TemporaryDirectory() as folder:
        return read_history(story, story.write(Path(folder)))
