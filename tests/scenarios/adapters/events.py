"""What codecs return, as a plain list."""

from gauntlet.scenarios.adapters import base


def flat(event):
    """Return the events of an event, which may be a batch of batches."""
    if isinstance(event, base.EventBatch):
        return [single for inner in event.events for single in flat(inner)]
    return [event]
