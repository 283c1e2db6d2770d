"""Mutators of who sees what: each shows or grants something to a user who may not have it.

Some concern what two accounts outside the load are shown of each other.
"""

from gauntlet.campaigns.synthetic.histories import ACCOUNTS, LATE, LEAVER, ROOM, TRAVELLER
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import MS, QUIESCE_NS, ZERO, S, Story
from gauntlet.core.history import (
    Channel,
    Contact,
    Flag,
    Kind,
    Probe,
    ProbeResult,
    Relation,
    RoomEvent,
)


def read_before_joining(story: Story) -> set[Identity]:
    """Give the late member history from before they joined."""
    return _show_in_room(story, LATE, 8)


def read_after_leaving(story: Story) -> set[Identity]:
    """Give the member who left a message from after they left."""
    head = next(story.records[i].seq for i in story.at(Kind.HEAD, conv=ROOM))
    return _show_in_room(story, LEAVER, head)


def _show_in_room(story: Story, user: int, position: int) -> set[Identity]:
    audits = [story.records[i] for i in story.at(Kind.AUDIT, conv=ROOM)]
    sent = [r for r in audits if not r.flags & Flag.ROOM_EVENT]
    record = min(sent, key=lambda r: abs(r.seq - position))
    link = max(number for number, link in story.links.items() if link.user == user)
    story.records.append(
        record._replace(kind=Kind.DELIVER, flags=Channel.HISTORY, link=link, t_ns=QUIESCE_NS + S)
    )
    return {identity(record)}


def push_to_a_stranger(story: Story) -> set[Identity]:
    """Push a message to a user who is no member, and at no position."""
    record = next(
        story.records[index]
        for index in story.at(Kind.AUDIT)
        if story.records[index].conv != ROOM and TRAVELLER not in _members(story, index)
    )
    link = max(number for number, link in story.links.items() if link.user == TRAVELLER)
    story.records.append(record._replace(kind=Kind.STRAY, flags=0, link=link, t_ns=ZERO + 24 * S))
    return {identity(record)}


def push_an_unknown_conversation(story: Story) -> set[Identity]:
    """Push something of a conversation that the load does not know."""
    story.add(Kind.STRAY, ZERO + 24 * S, conv=0, link=1, seq=3, flags=Flag.FOREIGN)
    return set()


def show_a_room_event_to_a_late_member(story: Story) -> set[Identity]:
    """Give the late member an event from before they joined."""
    link = max(number for number, link in story.links.items() if link.user == LATE)
    event = story.records[story.at(Kind.AUDIT, conv=ROOM, flags=Channel.AUDIT | Flag.ROOM_EVENT)[0]]
    shown = event._replace(kind=Kind.ROOM, flags=Channel.HISTORY, link=link, t_ns=ZERO + 24 * S)
    story.records.append(shown)
    return set()


def answer_a_stranger(story: Story) -> set[Identity]:
    """Grant a stranger the history."""
    story.change(story.at(Kind.PROBE, sseq=Probe.HISTORY)[0], spare=ProbeResult.GRANTED, seq=5)
    return set()


def store_a_message_of_a_stranger(story: Story) -> set[Identity]:
    """Refuse the message of a stranger, but store it."""
    probe = story.records[story.at(Kind.PROBE, sseq=Probe.SEND)[0]]
    (head,) = story.at(Kind.HEAD, conv=probe.conv)
    known = story.records[head]
    record = story.records[story.at(Kind.AUDIT, conv=probe.conv)[0]]
    sent = record._replace(seq=known.seq + 1, peer=TRAVELLER, sseq=probe.peer, t_ns=record.t_ns + 1)
    story.records.append(sent)
    story.change(head, seq=known.seq + 1)
    return {identity(sent)}


def let_a_stranger_enter(story: Story) -> set[Identity]:
    """Store that a user who is no member entered a room."""
    return _store_entry(story, TRAVELLER)


def let_a_removed_user_enter(story: Story) -> set[Identity]:
    """Store that a user entered a room from which they had been removed."""
    return _store_entry(story, LEAVER)


def _store_entry(story: Story, user: int) -> set[Identity]:
    (head,) = story.at(Kind.HEAD, conv=ROOM)
    known = story.records[head]
    event = story.records[story.at(Kind.AUDIT, conv=ROOM, flags=Channel.AUDIT | Flag.ROOM_EVENT)[0]]
    entered = {"peer": user, "sseq": RoomEvent.ENTERED, "seq": known.seq + 1}
    story.records.append(event._replace(t_ns=event.t_ns + 1, **entered))
    story.change(head, seq=known.seq + 1)
    return set()


def name_a_stranger_as_a_member(story: Story) -> set[Identity]:
    """Name a user as a member of the room who was never added to it."""
    (known, *_) = (story.records[i] for i in story.at(Kind.RANGE, conv=ROOM))
    story.records.append(known._replace(peer=TRAVELLER, seq=1, sseq=0))
    return set()


def tell_a_stranger_a_head(story: Story) -> set[Identity]:
    """Name the last position of a conversation of others in the list of heads of a user."""
    return _grant(story, Probe.HEAD, seq=5)


def let_an_impostor_connect(story: Story) -> set[Identity]:
    """Accept a connection with a login that the server has not issued."""
    return _grant(story, Probe.IMPOSTOR_CONNECT)


def accept_a_message_of_a_blocked_user(story: Story) -> set[Identity]:
    """Accept a direct message to a user who has blocked its sender."""
    return _grant(story, Probe.BLOCKED_SEND)


def accept_a_request_of_a_blocked_user(story: Story) -> set[Identity]:
    """Accept a request for friendship to a user who has blocked its sender."""
    return _grant(story, Probe.BLOCKED_REQUEST)


def _grant(story: Story, probe: Probe, **fields: int) -> set[Identity]:
    """Grant a user something long after the fault and its recovery."""
    link = max(number for number, link in story.links.items() if link.user == TRAVELLER)
    known = {"conv": 1, "link": link, "sseq": probe, "spare": ProbeResult.GRANTED}
    story.add(Kind.PROBE, ZERO + 22 * S, ref_ns=ZERO + 22 * S - MS, **known, **fields)
    return set()


def _members(story: Story, index: int) -> list[int]:
    members: list[int] = story.convs[story.records[index].conv]["members"]
    return members


def show_a_friendship_to_one_account(story: Story) -> set[Identity]:
    """Show an account whose request was accepted that it is still waiting."""
    (at,) = story.at(Kind.CONTACT_LIST, peer=ACCOUNTS[1], seq=Relation.FRIEND)
    story.change(at, seq=Relation.OUTGOING)
    return set()


def forget_an_acknowledged_request(story: Story) -> set[Identity]:
    """Show neither of two accounts a request that was acknowledged."""
    for relation in (Relation.INCOMING, Relation.OUTGOING):
        story.change(story.at(Kind.CONTACT_LIST, seq=relation)[0], seq=0)
    return set()


def list_a_request_that_was_ended(story: Story) -> set[Identity]:
    """List a request for friendship after its end."""
    story.change(story.at(Kind.CONTACT_LIST, peer=ACCOUNTS[1])[-1], seq=Relation.OUTGOING)
    return set()


def list_a_friend_who_blocks(story: Story) -> set[Identity]:
    """List a friend who has blocked the reader of the list."""
    (blocked, *_) = story.at(Kind.CONTACT, seq=Contact.BLOCK)
    since_ns = story.records[blocked].t_ns
    lists = story.at(Kind.CONTACT_LIST, peer=ACCOUNTS[1])
    at = next(index for index in lists if story.records[index].ref_ns > since_ns)
    story.change(at, seq=Relation.FRIEND)
    return set()


def refuse_a_request_after_a_block(story: Story) -> set[Identity]:
    """Refuse a request for friendship long after the block was removed."""
    at = story.at(Kind.CONTACT, seq=Contact.REQUEST)[-1]
    asked_ns = story.records[at].ref_ns
    story.change(at, spare=ProbeResult.REFUSED)
    for index in story.at(Kind.CONTACT_LIST):
        if story.records[index].ref_ns > asked_ns:
            story.change(index, seq=0)
    return set()


def list_a_contact_of_others(story: Story) -> set[Identity]:
    """Name an account in a list with which its reader never had to do."""
    at = story.at(Kind.CONTACT_LIST, seq=Relation.BLOCKED)[0]
    story.change(at, seq=Relation.BLOCKED | Relation.UNRELATED)
    return set()


def refuse_a_message_after_a_block(story: Story) -> set[Identity]:
    """Refuse a direct message long after the block was removed."""
    story.change(story.at(Kind.CONTACT, seq=Contact.SEND)[-1], spare=ProbeResult.REFUSED)
    return set()


def store_another_sticker(story: Story) -> set[Identity]:
    """Return another sticker from the history than the one that was sent."""
    story.change(story.at(Kind.STICKER, spare=0)[0], seq=1)
    return set()


def refuse_a_listed_sticker(story: Story) -> set[Identity]:
    """Refuse a sticker that the server lists."""
    sent, read = story.at(Kind.STICKER, sseq=2)
    story.change(sent, spare=ProbeResult.REFUSED)
    story.drop([read])
    return set()


ACCESS_MUTATORS: dict[Mutator, str] = {
    read_before_joining: "misdelivery",
    read_after_leaving: "misdelivery",
    push_to_a_stranger: "misdelivery",
    push_an_unknown_conversation: "misdelivery",
    show_a_room_event_to_a_late_member: "misdelivery",
    answer_a_stranger: "access",
    store_a_message_of_a_stranger: "access",
    let_a_stranger_enter: "access",
    let_a_removed_user_enter: "access",
    name_a_stranger_as_a_member: "access",
    tell_a_stranger_a_head: "access",
    let_an_impostor_connect: "access",
    accept_a_message_of_a_blocked_user: "access",
    accept_a_request_of_a_blocked_user: "access",
    show_a_friendship_to_one_account: "contacts",
    forget_an_acknowledged_request: "contacts",
    list_a_request_that_was_ended: "contacts",
    list_a_friend_who_blocks: "contacts",
    list_a_contact_of_others: "contacts",
    refuse_a_message_after_a_block: "contacts",
    refuse_a_request_after_a_block: "contacts",
    store_another_sticker: "stickers",
    refuse_a_listed_sticker: "stickers",
}
