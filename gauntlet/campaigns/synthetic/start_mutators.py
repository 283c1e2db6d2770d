"""Mutators of what a server states at connect, in gaps, and in lists of heads: a wrong position."""

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import MS, ZERO, S, Story
from gauntlet.core.history import Channel, Flag, Kind, PageFlag


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


def push_again_behind_an_old_position(story: Story) -> set[Identity]:
    """State an old position at connect, and push what follows it although the client has it."""
    link = next(link for link in story.links.values() if link.incarnation == 2)
    (before,) = (
        number
        for number, known in story.links.items()
        if known.user == link.user and known.incarnation == 1
    )
    shown = [story.records[i] for i in story.at(Kind.DELIVER, link=before)]
    record = next(each for each in reversed(shown) if each.conv != ROOM)
    _start(story, link.number, record.conv, record.seq - 1)
    again = record._replace(kind=Kind.RECEIVE, link=link.number, flags=Flag.DUPLICATE, spare=0)
    story.records.append(again._replace(t_ns=link.up + MS // 2))
    # What the pushes skip now was announced, so that only the stated position is wrong.
    pushed = story.at(Kind.DELIVER, link=link.number, conv=record.conv, flags=Channel.LIVE)
    last = story.records[pushed[0]].seq - 1 if pushed else record.seq
    for seq in range(record.seq + 1, last + 1):
        known = {"conv": record.conv, "link": link.number}
        story.add(Kind.GAP, link.up + MS, **known, seq=seq, sseq=seq)
    return set()


def state_a_position_behind_the_end(story: Story) -> set[Identity]:
    """State a position at connect that the conversation never reaches."""
    link, conv, _ = _first_pushes(story)[-1]
    (head,) = story.at(Kind.HEAD, conv=conv)
    _start(story, link, conv, story.records[head].seq + 3)
    return set()


def state_a_position_before_it_exists(story: Story) -> set[Identity]:
    """State the position of a message that is sent later, and push nothing up to there."""
    link, conv, first = _first_pushes(story)[0]
    (skipped,) = story.at(Kind.DELIVER, link=link, conv=conv, seq=first, flags=Channel.LIVE)
    story.change(skipped, flags=Channel.RESYNC)
    _start(story, link, conv, first)
    message = identity(story.records[skipped])
    (attempt, *_) = story.at(Kind.ATTEMPT, conv=conv, peer=message[1], sseq=message[2])
    assert story.records[attempt].t_ns > story.links[link].up
    return {message}


def announce_a_gap_behind_the_end(story: Story) -> set[Identity]:
    """Announce that positions are not pushed which do not exist."""
    link, conv, _ = next(each for each in _first_pushes(story) if each[1] != ROOM)
    (head,) = story.at(Kind.HEAD, conv=conv)
    last = story.records[head].seq
    story.add(Kind.GAP, story.links[link].up + S, conv=conv, link=link, seq=last + 1, sseq=last + 2)
    return set()


def list_heads(story: Story) -> None:
    """Let members of direct conversations be told, once a second, what the last positions are."""
    for conv, about in story.convs.items():
        if len(about["members"]) == 2:
            known = _known(story, conv)
            for at_s in range(4, 25):
                asked_ns = ZERO + at_s * S
                _list(story, conv, asked_ns, _last(known, asked_ns))


def list_an_old_head(story: Story) -> set[Identity]:
    """Name the head of some seconds ago in a list of heads."""
    conv, asked_ns = _first_pushes(story)[0][1], ZERO + 24 * S
    _list(story, conv, asked_ns, _last(_known(story, conv), asked_ns) - 3)
    return set()


def list_a_head_that_does_not_exist(story: Story) -> set[Identity]:
    """Name a position in a list of heads that the conversation never reaches."""
    conv = _first_pushes(story)[0][1]
    (head,) = story.at(Kind.HEAD, conv=conv)
    _list(story, conv, ZERO + 24 * S, story.records[head].seq + 3)
    return set()


def _known(story: Story, conv: int) -> list[tuple[int, int]]:
    """Return when which position of a conversation was acknowledged or received."""
    kinds = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE)
    records = [story.records[at] for kind in kinds for at in story.at(kind, conv=conv)]
    return [(record.t_ns, record.seq) for record in records]


def _last(known: list[tuple[int, int]], before_ns: int) -> int:
    return max((seq for t_ns, seq in known if t_ns < before_ns), default=0)


def _list(story: Story, conv: int, asked_ns: int, head: int) -> None:
    """Tell a member what the last position of a conversation is, if they are connected."""
    reader = story.convs[conv]["members"][0]
    for link in story.links.values():
        if link.user == reader and link.up < asked_ns < link.down:
            known = {"conv": conv, "link": link.number, "seq": head, "sseq": head}
            spare = PageFlag.LAST | PageFlag.HEADS
            story.add(Kind.PAGE, asked_ns + MS, ref_ns=asked_ns, spare=spare, **known)


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
    push_again_behind_an_old_position: "history-regress",
    state_a_position_behind_the_end: "history-gap",
    state_a_position_before_it_exists: "history-gap",
    announce_a_gap_behind_the_end: "history-gap",
    list_an_old_head: "history-regress",
    list_a_head_that_does_not_exist: "history-gap",
}
