"""Mutators of time stamps: each shows one message with a time at which it was not accepted."""

import itertools

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import S, Story
from gauntlet.core.history import STAMP_AGE_UNIT_NS, Channel, Kind, Record

_HOUR_NS = 3_600 * S


def _stamp(story: Story, by: Channel, at: int = 12) -> tuple[int, Record]:
    """Return a stamp of a direct conversation, of a message that is stored, with its index."""
    stored = {identity(story.records[i]) for i in story.at(Kind.AUDIT)}
    stamps = [
        i
        for i in story.at(Kind.STAMP, flags=by)
        if story.records[i].conv != ROOM and identity(story.records[i]) in stored
    ]
    return stamps[at], story.records[stamps[at]]


def _shift(story: Story, by: Channel, shift_ns: int) -> set[Identity]:
    index, record = _stamp(story, by)
    story.change(index, ref_ns=record.ref_ns + shift_ns)
    return {identity(record)}


def acknowledge_with_another_time_zone(story: Story) -> set[Identity]:
    """Stamp an acknowledgement with the time of the next time zone."""
    return _shift(story, Channel.LIVE, _HOUR_NS)


def store_with_an_old_time(story: Story) -> set[Identity]:
    """Store a message with a time some seconds before it was sent."""
    return _shift(story, Channel.AUDIT, -5 * S)


def push_with_another_time(story: Story) -> set[Identity]:
    """Push a message with a time five seconds after it was accepted."""
    index = story.at(Kind.DELIVER, flags=Channel.LIVE, conv=1)[7]
    record = story.records[index]
    story.change(index, spare=record.spare - 5 * S // STAMP_AGE_UNIT_NS)
    return {identity(record)}


def push_with_the_time_of_another_era(story: Story) -> set[Identity]:
    """Push a message with a time beyond what a record can express."""
    index = story.at(Kind.DELIVER, flags=Channel.LIVE, conv=1)[7]
    story.change(index, spare=(1 << 16) - 1)
    return {identity(story.records[index])}


def stamp_backwards(story: Story) -> set[Identity]:
    """Stamp two neighbours three seconds apart, in the wrong order.

    Each is so close to the time of its message that only the order is impossible.
    """
    stamps = [story.records[i] for i in story.at(Kind.STAMP, flags=Channel.AUDIT)]
    stamps.sort(key=lambda stamp: (stamp.conv, stamp.seq))
    first, second = next(
        (one, next_)
        for one, next_ in itertools.pairwise(stamps)
        if one.conv == next_.conv and 0 < next_.ref_ns - one.ref_ns < S // 2
    )
    for message, shift_ns in ((first, 3 * S // 2), (second, -3 * S // 2)):
        for kind in (Kind.STAMP, Kind.DELIVER):
            for index in story.at(kind, conv=message.conv, peer=message.peer, sseq=message.sseq):
                record = story.records[index]
                if kind == Kind.STAMP:
                    story.change(index, ref_ns=record.ref_ns + shift_ns)
                else:
                    story.change(index, spare=record.spare - shift_ns // STAMP_AGE_UNIT_NS)
    return {identity(first), identity(second)}


STAMP_MUTATORS: dict[Mutator, str] = {
    acknowledge_with_another_time_zone: "timestamps",
    store_with_an_old_time: "timestamps",
    push_with_another_time: "timestamps",
    push_with_the_time_of_another_era: "timestamps",
    stamp_backwards: "timestamps",
}
