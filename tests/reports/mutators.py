"""One broken thing each: a mutator turns a good story into one with exactly one kind of anomaly.

Each answers what the check must name: the messages (conversation, author, sender's number) of a
witness, or nothing where the anomaly is not about messages. They work on the raw records, as the
clients of a broken system would have written them.
"""

import itertools
from collections.abc import Callable, Iterator

from gauntlet.core.history import Channel, Flag, Kind, Record

from .histories import LATE, LEAVER, ROOM
from .story import MS, RAMP_S, STEADY_S, ZERO, Link, S, Story

QUIESCE_NS = ZERO + (RAMP_S + STEADY_S) * S

Identity = tuple[int, int, int]
Mutator = Callable[[Story], set[Identity]]


def identity(record: Record) -> Identity:
    """Whose message a record is about."""
    return record.conv, record.peer, record.sseq


def _of(story: Story, kind: Kind, message: Identity) -> list[int]:
    conv, author, sseq = message
    return story.at(kind, conv=conv, peer=author, sseq=sseq)


def _heads(story: Story) -> Iterator[tuple[int, Record]]:
    """The audit's HEAD of each direct conversation with its index."""
    for index in story.at(Kind.HEAD):
        if story.records[index].conv != ROOM:
            yield index, story.records[index]


def _resynced_neighbours(story: Story) -> Iterator[tuple[int, int]]:
    """Two deliveries that one page brought, one right after the other in position."""
    for first in story.at(Kind.DELIVER, flags=Channel.RESYNC):
        one = story.records[first]
        for second in story.at(
            Kind.DELIVER, flags=Channel.RESYNC, conv=one.conv, link=one.link, seq=one.seq + 1
        ):
            yield first, second


def lose_the_tail(story: Story) -> set[Identity]:
    """The last message of a conversation is acknowledged, and gone."""
    for head, known in _heads(story):
        (audit,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
        message = identity(story.records[audit])
        if _of(story, Kind.ACK, message):
            story.change(head, seq=known.seq - 1)
            story.drop([audit, *_of(story, Kind.DELIVER, message)])
            return {message}
    raise AssertionError


def acknowledge_what_is_not_stored(story: Story) -> set[Identity]:
    """The server answers, without a position, and never stores."""
    for index in story.at(Kind.UNKNOWN):
        message = identity(story.records[index])
        if not _of(story, Kind.AUDIT, message):
            story.change(index, kind=Kind.ACK)
            return {message}
    (index, *_) = story.at(Kind.REJECT)
    story.change(index, kind=Kind.ACK)
    return {identity(story.records[index])}


def withhold_the_tail(story: Story) -> set[Identity]:
    """The last message of a conversation is stored, and not shown to its receiver."""
    for _, known in _heads(story):
        for index in reversed(story.at(Kind.DELIVER, conv=known.conv, seq=known.seq)):
            record = story.records[index]
            receiver = story.links[record.link].user
            if receiver != record.peer and _of(story, Kind.ACK, identity(record)):
                story.drop([index])
                return {identity(record)}
    raise AssertionError


def withhold_from_the_second_device(story: Story) -> set[Identity]:
    """What a user sent is shown on the device that sent it, and never on his other one."""
    author = 2
    story.add_device(author)
    (second, *_) = (link.number for link in story.links.values() if link.device == "d1")
    for index in reversed(story.at(Kind.DELIVER, link=second, peer=author)):
        record = story.records[index]
        last = not story.at(Kind.DELIVER, link=second, conv=record.conv, seq=record.seq + 1)
        if last and _of(story, Kind.ACK, identity(record)):
            story.drop([index])
            return {identity(record)}
    raise AssertionError


def withhold_what_was_not_answered(story: Story) -> set[Identity]:
    """A message whose sender had no answer is stored, and shown to him alone before the quiesce.

    It is its conversation's last, so that no later position tells of it.
    """
    for _, known in _heads(story):
        shown = story.at(Kind.DELIVER, conv=known.conv, seq=known.seq)
        acks = _of(story, Kind.ACK, identity(story.records[shown[0]]))
        others = [index for index in shown if _receiver(story, index) != story.records[index].peer]
        if acks and len(others) < len(shown) and story.records[shown[0]].t_ns < QUIESCE_NS:
            story.change(acks[0], kind=Kind.UNKNOWN, seq=0)
            story.drop(others)
            return {identity(story.records[acks[0]])}
    raise AssertionError


def _receiver(story: Story, index: int) -> int:
    return story.links[story.records[index].link].user


def refuse_a_user(story: Story) -> set[Identity]:
    """A user who went offline on purpose is not let in again, and goes on sending over HTTP."""
    (offline,) = story.at(Kind.OFFLINE)
    user = story.records[offline].peer
    before, late = (number for number, link in story.links.items() if link.user == user)
    missed = [identity(story.records[index]) for index in story.at(Kind.DELIVER, link=late)]
    for kind in (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.UNKNOWN, Kind.REJECT):
        for index in story.at(kind, link=late):
            story.change(index, link=before)
    story.drop([index for index, record in enumerate(story.records) if record.link == late])
    return {min(message for message in missed if _of(story, Kind.ACK, message))}


def deliver_after_the_deadline(story: Story) -> set[Identity]:
    """A message is shown, but only after the delivery deadline."""
    story.scenario["delivery_deadline"] = 3
    for _, known in _heads(story):
        for index in story.at(Kind.DELIVER, conv=known.conv, seq=known.seq):
            record = story.records[index]
            if story.links[record.link].user != record.peer:
                story.change(index, t_ns=ZERO + 31 * S)
                return {identity(record)}
    raise AssertionError


def show_twice(story: Story) -> set[Identity]:
    """A client shows a message that it re-synced already once more."""
    index = next(i for i in story.at(Kind.DELIVER) if story.records[i].flags == Channel.RESYNC)
    record = story.records[index]
    story.records.append(record._replace(t_ns=record.t_ns + 40 * MS))
    return {identity(record)}


def store_twice(story: Story) -> set[Identity]:
    """A retry is stored as another message, at the next free position."""
    head, known = next(_heads(story))
    index = story.at(Kind.AUDIT, conv=known.conv)[3]
    record = story.records[index]
    story.records.append(record._replace(seq=known.seq + 1, t_ns=record.t_ns + 1))
    story.change(head, seq=known.seq + 1)
    return {identity(record)}


def exchange_positions(story: Story) -> set[Identity]:
    """The server numbers two messages of one sender in the wrong order, for everybody."""
    audits = sorted(
        (story.records[index] for index in story.at(Kind.AUDIT)),
        key=lambda record: (record.conv, record.seq),
    )
    for one, two in itertools.pairwise(audits):
        neighbours = (one.conv, one.peer, one.seq + 1) == (two.conv, two.peer, two.seq)
        if neighbours and not one.flags & Flag.ROOM_EVENT and _ordered(story, one, two):
            _exchange(story, one, two)
            return {identity(one), identity(two)}
    raise AssertionError


def _ordered(story: Story, one: Record, two: Record) -> bool:
    acks, attempts = _of(story, Kind.ACK, identity(one)), _of(story, Kind.ATTEMPT, identity(two))
    if not acks or not _of(story, Kind.ACK, identity(two)):
        return False
    return story.records[acks[0]].t_ns < story.records[attempts[0]].t_ns


def _exchange(story: Story, one: Record, two: Record) -> None:
    other = {identity(one): two, identity(two): one}
    for index, record in enumerate(story.records):
        it = other.get(identity(record))
        if it is None:
            continue
        if record.kind == Kind.ACK:
            story.change(index, seq=it.seq)
        elif record.kind in (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT):
            story.change(index, sseq=it.sseq, ref_ns=it.ref_ns)


def push_backwards(story: Story) -> set[Identity]:
    """A connection pushes once more what it had pushed long before."""
    index = story.at(Kind.DELIVER, flags=Channel.LIVE)[5]
    record = story.records[index]
    story.records.append(
        record._replace(kind=Kind.RECEIVE, flags=Flag.DUPLICATE, t_ns=record.t_ns + 3 * S // 2)
    )
    return {identity(record)}


def jump_silently(story: Story) -> set[Identity]:
    """A connection leaves out a position in the middle, and does not say so."""
    for index in story.at(Kind.GAP):
        gap = story.records[index]
        pushed = [
            story.records[i].seq for i in story.at(Kind.DELIVER, conv=gap.conv, link=gap.link)
        ]
        if max(pushed) > gap.seq:
            story.drop([index])
            return set()
    raise AssertionError


def acknowledge_the_wrong_position(story: Story) -> set[Identity]:
    """The sender is told a position at which everybody else sees another message."""
    _, known = next(_heads(story))
    index = story.at(Kind.ACK, conv=known.conv)[4]
    story.change(index, seq=story.records[index].seq + 1)
    return {identity(story.records[index])}


def give_one_position_twice(story: Story) -> set[Identity]:
    """The last message of a conversation is numbered as the one before it, for everybody."""
    head, known = next(_heads(story))
    (last,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
    message = identity(story.records[last])
    for kind in (Kind.ACK, Kind.DELIVER, Kind.AUDIT):
        for index in _of(story, kind, message):
            story.change(index, seq=known.seq - 1)
    story.change(head, seq=known.seq - 1)
    return {message}


def show_in_another_order(story: Story) -> set[Identity]:
    """One receiver is shown two senders' messages the other way round."""
    for first, second in _resynced_neighbours(story):
        one, two = story.records[first], story.records[second]
        if one.peer != two.peer and one.conv != ROOM:
            story.change(first, t_ns=two.t_ns)
            story.change(second, t_ns=one.t_ns)
            return {identity(one), identity(two)}
    raise AssertionError


def corrupt_a_body(story: Story) -> set[Identity]:
    """A body arrives with a checksum that fails."""
    index = story.at(Kind.DELIVER)[20]
    story.change(index, flags=story.records[index].flags | Flag.CRC_BAD)
    return {identity(story.records[index])}


def store_what_nobody_sent(story: Story) -> set[Identity]:
    """The audit finds a message of ours that has no op."""
    head, known = next(_heads(story))
    record = story.records[story.at(Kind.AUDIT, conv=known.conv)[0]]
    made_up = record._replace(sseq=999_999, seq=known.seq + 1, t_ns=record.t_ns + 1)
    story.records.append(made_up)
    story.change(head, seq=known.seq + 1)
    return {identity(made_up)}


def store_what_was_refused(story: Story) -> set[Identity]:
    """A sender is told that nothing is stored, and it is, and is shown to everybody."""
    index = story.at(Kind.ACK)[30]
    story.change(index, kind=Kind.REJECT, seq=0)
    return {identity(story.records[index])}


def show_what_was_refused(story: Story) -> set[Identity]:
    """What was refused is not stored, and pushed to somebody all the same."""
    refused = story.records[story.at(Kind.REJECT)[0]]
    link = max(
        n for n, it in story.links.items() if it.user in story.convs[refused.conv]["members"]
    )
    shown = refused._replace(kind=Kind.DELIVER, link=link, spare=0, flags=Channel.RESYNC)
    story.records.append(shown._replace(t_ns=ZERO + 25 * S))
    return {identity(refused)}


def receive_a_foreign_body(story: Story) -> set[Identity]:
    """A push carries a body that is not one of ours."""
    _, known = next(_heads(story))
    link = next(n for n, it in story.links.items() if it.user in story.convs[known.conv]["members"])
    story.add(
        Kind.DELIVER,
        ZERO + 25 * S,
        conv=known.conv,
        link=link,
        seq=0,
        flags=Channel.RESYNC | Flag.FOREIGN,
    )
    return set()


def read_before_joining(story: Story) -> set[Identity]:
    """The late member is given history from before his time."""
    return _show_in_room(story, LATE, 8)


def read_after_leaving(story: Story) -> set[Identity]:
    """The one who left is still given what comes after."""
    head = next(story.records[i].seq for i in story.at(Kind.HEAD, conv=ROOM))
    return _show_in_room(story, LEAVER, head)


def _show_in_room(story: Story, user: int, position: int) -> set[Identity]:
    audits = [story.records[i] for i in story.at(Kind.AUDIT, conv=ROOM)]
    sent = [r for r in audits if not r.flags & Flag.ROOM_EVENT]
    record = min(sent, key=lambda r: abs(r.seq - position))
    link = max(number for number, link in story.links.items() if link.user == user)
    story.records.append(
        record._replace(kind=Kind.DELIVER, flags=Channel.HISTORY, link=link, t_ns=ZERO + 24 * S)
    )
    return {identity(record)}


def skip_on_a_page(story: Story) -> set[Identity]:
    """A page leaves out that somebody joined."""
    (index, *_) = story.at(Kind.ROOM, flags=Channel.RESYNC)
    story.drop([index])
    return set()


def leave_a_hole_in_the_audit(story: Story) -> set[Identity]:
    """Reading everything at the end, a position in the middle is not there."""
    _, known = next(_heads(story))
    index = story.at(Kind.AUDIT, conv=known.conv)[5]
    record = story.records[index]
    for ack in _of(story, Kind.ACK, identity(record)):
        story.change(ack, kind=Kind.UNKNOWN, seq=0)
    story.drop([index])
    return {identity(record)}


def show_what_the_audit_ends_before(story: Story) -> set[Identity]:
    """The last message of a conversation, whose sender had no answer, is shown and not stored."""
    for head, known in _heads(story):
        (audit,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
        message = identity(story.records[audit])
        for ack in _of(story, Kind.ACK, message):
            story.change(ack, kind=Kind.UNKNOWN, seq=0)
            story.change(head, seq=known.seq - 1)
            story.drop([audit])
            return {message}
    raise AssertionError


def keep_a_user_disconnected(story: Story) -> set[Identity]:
    """A user loses his connection in the fault and is back only after the recovery window."""
    story.users[9] = "u0-9"
    for at, (up_s, down_s, code) in enumerate([(1.0, 8.1, 1006), (16.5, 32.0, 1000)], 1):
        number, up, down = 100 + at, ZERO + int(up_s * S), ZERO + int(down_s * S)
        story.links[number] = Link(number, 9, "edge-blue-1", up, down, code, at)
        story.add(Kind.CONNECT, up, ref_ns=up - MS, link=number, peer=9)
        story.add(Kind.DISCONNECT, down, link=number, peer=9, spare=code)
    return set()


def recover_too_late(story: Story) -> set[Identity]:
    """The service is itself again, but not within what the fault expects."""
    story.scenario["faults"][0]["expect"] = {"recover_within": "50ms"}
    return set()


MUTATORS: dict[Mutator, str] = {
    lose_the_tail: "lost-acked",
    acknowledge_what_is_not_stored: "lost-acked",
    withhold_the_tail: "undelivered",
    withhold_from_the_second_device: "undelivered",
    withhold_what_was_not_answered: "undelivered",
    refuse_a_user: "undelivered",
    deliver_after_the_deadline: "undelivered",
    show_twice: "duplicate",
    store_twice: "duplicate",
    exchange_positions: "sender-fifo",
    push_backwards: "wire-order",
    jump_silently: "wire-order",
    acknowledge_the_wrong_position: "position",
    give_one_position_twice: "position",
    show_in_another_order: "divergent-order",
    corrupt_a_body: "phantom",
    store_what_nobody_sent: "phantom",
    store_what_was_refused: "phantom",
    show_what_was_refused: "phantom",
    receive_a_foreign_body: "phantom",
    read_before_joining: "misdelivery",
    read_after_leaving: "misdelivery",
    skip_on_a_page: "history-gap",
    leave_a_hole_in_the_audit: "history-gap",
    show_what_the_audit_ends_before: "history-gap",
    keep_a_user_disconnected: "unrecovered",
    recover_too_late: "unrecovered",
}
