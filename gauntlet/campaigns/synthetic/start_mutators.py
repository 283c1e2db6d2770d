"""Mutators of connections: each makes one begin at a position that is not the last one."""

from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import MS, Story
from gauntlet.core.history import Channel, Kind


def state_starts(story: Story) -> None:
    """Let every connection state the position before its first push, as a correct server does."""
    for link, conv, first in _first_pushes(story):
        _start(story, link, conv, first - 1)


def begin_behind_the_start(story: Story) -> set[Identity]:
    """Skip the first push of a connection after the position that was stated; it is re-synced."""
    link, conv, first = _first_pushes(story)[0]
    _start(story, link, conv, first - 1)
    (skipped,) = story.at(Kind.DELIVER, link=link, conv=conv, seq=first, flags=Channel.LIVE)
    story.change(skipped, flags=Channel.RESYNC)
    return {identity(story.records[skipped])}


def state_an_old_last_position(story: Story) -> set[Identity]:
    """State a position at connect that lies before what the user had seen."""
    link, conv, first = next(
        (link, conv, first)
        for link, conv, first in _first_pushes(story)
        if story.links[link].incarnation == 2
        and any(
            story.records[i].seq >= first - 1 and story.records[i].t_ns < story.links[link].up
            for i in story.at(Kind.ACK, conv=conv)
        )
    )
    _start(story, link, conv, first - 2)
    # What the first push skips now was announced, so that only the stated position is wrong.
    up = story.links[link].up
    story.add(Kind.GAP, up + MS, conv=conv, link=link, seq=first - 1, sseq=first - 1)
    return set()


def _start(story: Story, link: int, conv: int, seq: int) -> None:
    up = story.links[link].up
    story.add(Kind.START, up, ref_ns=up - 9 * MS, conv=conv, link=link, seq=seq)


def _first_pushes(story: Story) -> list[tuple[int, int, int]]:
    """Return (connection, direct conversation, lowest pushed position)."""
    lowest: dict[tuple[int, int], int] = {}
    for index in story.at(Kind.DELIVER, flags=Channel.LIVE):
        record = story.records[index]
        if len(story.convs[record.conv]["members"]) == 2:
            lane = record.link, record.conv
            lowest[lane] = min(record.seq, lowest.get(lane, record.seq))
    return [(link, conv, seq) for (link, conv), seq in sorted(lowest.items())]


START_MUTATORS: dict[Mutator, str] = {
    begin_behind_the_start: "wire-order",
    state_an_old_last_position: "history-regress",
}
