"""What mutators are made of: the type of one, and how it names messages."""

from collections.abc import Callable

from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.history import Record

Identity = tuple[int, int, int]
Mutator = Callable[[Story], set[Identity]]


def identity(record: Record) -> Identity:
    """Return the identity of the message that a record is about."""
    return record.conv, record.peer, record.sseq
