"""Mutators of what is stored and read: it differs from what was sent, pushed or asked for."""

import itertools

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import MS, ZERO, S, Story
from gauntlet.core.history import Channel, Flag, Kind, PageFlag, Record, RoomEvent


def _messages(story: Story, conv: int) -> list[Record]:
    """Return the stored messages of a conversation by position."""
    stored = [story.records[index] for index in story.at(Kind.AUDIT, conv=conv)]
    return sorted(
        (each for each in stored if not each.flags & Flag.ROOM_EVENT), key=lambda each: each.seq
    )


def store_another_content(story: Story) -> set[Identity]:
    """Store a body whose checksum fails, although the right one was pushed."""
    index = story.at(Kind.AUDIT, conv=1)[8]
    record = story.records[index]
    story.change(index, flags=record.flags | Flag.CRC_BAD)
    return {identity(record)}


def store_in_another_order(story: Story) -> set[Identity]:
    """Store two messages the other way round than they were pushed; they were sent at once."""
    stored = [_messages(story, conv) for conv in story.convs]
    one, two = next(
        (one, two)
        for messages in stored
        for one, two in itertools.pairwise(messages)
        if one.peer != two.peer and one.seq + 1 == two.seq and _at_once(story, one, two)
    )
    for record, partner in ((one, two), (two, one)):
        fields = {"conv": record.conv, "peer": record.peer, "sseq": record.sseq}
        (index,) = [i for i in story.at(Kind.AUDIT, **fields) if story.records[i].seq == record.seq]
        story.change(index, seq=partner.seq)
    return {identity(one), identity(two)}


def _at_once(story: Story, one: Record, two: Record) -> bool:
    """Return whether the first message was acknowledged only after the second one was sent."""
    acks = story.at(Kind.ACK, conv=one.conv, peer=one.peer, sseq=one.sseq)
    attempts = story.at(Kind.ATTEMPT, conv=two.conv, peer=two.peer, sseq=two.sseq)
    return bool(acks) and story.records[attempts[0]].t_ns < story.records[acks[0]].t_ns


def store_an_unanswered_message_twice(story: Story) -> set[Identity]:
    """Store a message twice whose sender received no answer, and push both copies."""
    stored = _messages(story, 1)
    record = stored[-1]
    (head,) = story.at(Kind.HEAD, conv=1)
    for index in story.at(Kind.ACK, conv=1, peer=record.peer, sseq=record.sseq):
        story.change(index, kind=Kind.UNKNOWN, seq=0)
    for index in story.at(Kind.DELIVER, conv=1, peer=record.peer, sseq=record.sseq):
        shown = story.records[index]
        story.records.append(shown._replace(seq=shown.seq + 1, t_ns=shown.t_ns + MS))
    story.records.append(record._replace(seq=record.seq + 1, t_ns=record.t_ns + 1))
    story.change(head, seq=record.seq + 1)
    (page,) = story.at(Kind.PAGE, conv=1, link=0)
    story.change(page, sseq=record.seq + 1, peer=story.records[page].peer + 1)
    return {identity(record)}


def push_an_event_without_a_position(story: Story) -> set[Identity]:
    """Push a room event without its position."""
    index = story.at(Kind.ROOM, flags=Channel.LIVE)[-1]
    record = story.records[index]
    story.records.append(record._replace(seq=0, t_ns=record.t_ns + MS))
    return set()


def show_a_room_event_again(story: Story) -> set[Identity]:
    """Push a room event again on the same connection, after others."""
    record = story.records[story.at(Kind.ROOM, flags=Channel.LIVE)[3]]
    story.records.append(record._replace(t_ns=record.t_ns + 3 * S // 2))
    return set()


def add_a_member_again(story: Story) -> set[Identity]:
    """Store that a user was added to the room who is a member, at its end."""
    (head,) = story.at(Kind.HEAD, conv=ROOM)
    known = story.records[head]
    stored = {"conv": ROOM, "sseq": RoomEvent.ADDED, "flags": Channel.AUDIT | Flag.ROOM_EVENT}
    event = story.records[story.at(Kind.AUDIT, **stored)[0]]
    story.records.append(event._replace(t_ns=event.t_ns + 1, seq=known.seq + 1))
    story.change(head, seq=known.seq + 1)
    return set()


def begin_a_page_too_early(story: Story) -> set[Identity]:
    """Return a page that contains the last position of the page before it; clients ignore that."""
    index = next(at for at in story.at(Kind.PAGE) if story.records[at].link)
    page = story.records[index]
    story.change(index, spare=page.spare | PageFlag.EARLIER, peer=page.peer + 1)
    return set()


def forget_a_member(story: Story) -> set[Identity]:
    """Lose a member of the room: the server pushes them nothing, and no longer names them."""
    forgotten, since_ns = 6, ZERO + 19 * S
    links = {number for number, link in story.links.items() if link.user == forgotten}
    lost = [
        index
        for kind in (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP, Kind.PAGE)
        for index in story.at(kind, conv=ROOM)
        if story.records[index].link in links and story.records[index].t_ns > since_ns
    ]
    missed = {identity(story.records[i]) for i in lost if story.records[i].kind == Kind.DELIVER}
    acked = {identity(story.records[i]) for i in story.at(Kind.ACK) if i not in lost}
    story.drop([*lost, *story.at(Kind.RANGE, conv=ROOM, peer=forgotten)])
    return {min(missed & acked)}


STORE_MUTATORS: dict[Mutator, str] = {
    store_another_content: "phantom",
    store_in_another_order: "position",
    store_an_unanswered_message_twice: "duplicate",
    push_an_event_without_a_position: "position",
    show_a_room_event_again: "wire-order",
    add_a_member_again: "exit",
    begin_a_page_too_early: "history-order",
    forget_a_member: "undelivered",
}
