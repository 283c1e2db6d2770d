"""Mutators: each turns a good story into one with exactly one kind of anomaly.

A mutator returns what a witness of the check must name: messages (conversation, author, sender's
number), or nothing if the anomaly is not about messages. Mutators change the raw records to what
the clients of a broken system would have written.
"""

import itertools
from collections.abc import Iterator

from gauntlet.campaigns.synthetic.access_mutators import ACCESS_MUTATORS
from gauntlet.campaigns.synthetic.ack_mutators import ACK_MUTATORS
from gauntlet.campaigns.synthetic.attendance_mutators import ATTENDANCE_MUTATORS
from gauntlet.campaigns.synthetic.exit_mutators import EXIT_MUTATORS
from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.service_mutators import SERVICE_MUTATORS
from gauntlet.campaigns.synthetic.stamp_mutators import STAMP_MUTATORS
from gauntlet.campaigns.synthetic.start_mutators import START_MUTATORS
from gauntlet.campaigns.synthetic.store_mutators import STORE_MUTATORS
from gauntlet.campaigns.synthetic.story import (
    MS,
    QUIESCE_NS,
    ZERO,
    S,
    Story,
)
from gauntlet.core.history import (
    Channel,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    Record,
)


def _of(story: Story, kind: Kind, message: Identity) -> list[int]:
    conv, author, sseq = message
    return story.at(kind, conv=conv, peer=author, sseq=sseq)


def _heads(story: Story) -> Iterator[tuple[int, Record]]:
    """Yield the audit's HEAD of each direct conversation, with its index."""
    for index in story.at(Kind.HEAD):
        if story.records[index].conv != ROOM:
            yield index, story.records[index]


def _resynced_neighbours(story: Story) -> Iterator[tuple[int, int]]:
    """Yield pairs of deliveries from one page whose positions are adjacent."""
    for first in story.at(Kind.DELIVER, flags=Channel.RESYNC):
        one = story.records[first]
        for second in story.at(
            Kind.DELIVER, flags=Channel.RESYNC, conv=one.conv, link=one.link, seq=one.seq + 1
        ):
            yield first, second


def lose_the_tail(story: Story) -> set[Identity]:
    """Acknowledge the last message of a conversation, but do not store it."""
    for head, known in _heads(story):
        (audit,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
        message = identity(story.records[audit])
        if _of(story, Kind.ACK, message):
            story.change(head, seq=known.seq - 1)
            story.drop([audit, *_of(story, Kind.DELIVER, message)])
            return {message}
    raise AssertionError


def assign_a_position_and_roll_back(story: Story) -> set[Identity]:
    """Acknowledge a message that is not stored at a position that another one holds."""
    (message,) = lose_the_tail(story)
    (index,) = _of(story, Kind.ACK, message)
    story.change(index, seq=story.records[index].seq - 1)
    return {message}


def acknowledge_strangers_as_well(story: Story) -> set[Identity]:
    """Store neither a message of a member nor one of a stranger, and acknowledge both."""
    story.change(story.at(Kind.PROBE, sseq=Probe.SEND)[0], spare=ProbeResult.GRANTED)
    return lose_the_tail(story)


def acknowledge_what_is_not_stored(story: Story) -> set[Identity]:
    """Acknowledge a message without a position, but do not store it."""
    for index in story.at(Kind.UNKNOWN):
        message = identity(story.records[index])
        if not _of(story, Kind.AUDIT, message):
            story.change(index, kind=Kind.ACK)
            return {message}
    (index, *_) = story.at(Kind.REJECT)
    story.change(index, kind=Kind.ACK)
    return {identity(story.records[index])}


def withhold_the_tail(story: Story) -> set[Identity]:
    """Store the last message of a conversation, but do not deliver it to its receiver."""
    for _, known in _heads(story):
        for index in reversed(story.at(Kind.DELIVER, conv=known.conv, seq=known.seq)):
            record = story.records[index]
            receiver = story.links[record.link].user
            if receiver != record.peer and _of(story, Kind.ACK, identity(record)):
                story.drop([index])
                return {identity(record)}
    raise AssertionError


def withhold_from_the_second_device(story: Story) -> set[Identity]:
    """Deliver a user's message to the device that sent it, but not to their other device."""
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
    """Store an unanswered message, and deliver it only to its sender, before the quiesce.

    It is the last of its conversation, so no later position proves that it is stored.
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
    """Refuse a user who was offline on purpose and who continues to send over HTTP."""
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
    """Deliver a message only after the delivery deadline."""
    story.scenario["delivery_deadline"] = 3
    for _, known in _heads(story):
        for index in story.at(Kind.DELIVER, conv=known.conv, seq=known.seq):
            record = story.records[index]
            if story.links[record.link].user != record.peer:
                story.change(index, t_ns=ZERO + 31 * S)
                return {identity(record)}
    raise AssertionError


def present_twice(story: Story) -> set[Identity]:
    """Present a re-synced message a second time."""
    index = next(i for i in story.at(Kind.DELIVER) if story.records[i].flags == Channel.RESYNC)
    record = story.records[index]
    story.records.append(record._replace(t_ns=record.t_ns + 40 * MS))
    return {identity(record)}


def store_twice(story: Story) -> set[Identity]:
    """Store a retry as another message, at the next free position."""
    head, known = next(_heads(story))
    index = story.at(Kind.AUDIT, conv=known.conv)[3]
    record = story.records[index]
    story.records.append(record._replace(seq=known.seq + 1, t_ns=record.t_ns + 1))
    story.change(head, seq=known.seq + 1)
    return {identity(record)}


def exchange_positions(story: Story) -> set[Identity]:
    """Exchange the positions of two messages of one sender, for all users."""
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
    shown = [
        [story.records[index].link for index in story.at(Kind.DELIVER, conv=r.conv, seq=r.seq)]
        for r in (one, two)
    ]
    return sorted(shown[0]) == sorted(shown[1]) and (
        story.records[acks[0]].t_ns < story.records[attempts[0]].t_ns
    )


def _exchange(story: Story, one: Record, two: Record) -> None:
    other = {identity(one): two, identity(two): one}
    for index, record in enumerate(story.records):
        partner = other.get(identity(record))
        if partner is None:
            continue
        if record.kind == Kind.ACK:
            story.change(index, seq=partner.seq)
        elif record.kind in (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT):
            story.change(index, peer=partner.peer, sseq=partner.sseq, ref_ns=partner.ref_ns)
    for index in _of(story, Kind.DELIVER, identity(two)):
        # Now the first of the two: not before it was sent, but right before the other one.
        link = story.records[index].link
        (later,) = story.at(Kind.DELIVER, link=link, conv=one.conv, sseq=one.sseq, peer=one.peer)
        story.change(index, t_ns=story.records[later].t_ns - 1_000)


def push_backwards(story: Story) -> set[Identity]:
    """Push a message again on the same connection, long after its first push."""
    index = story.at(Kind.DELIVER, flags=Channel.LIVE)[5]
    record = story.records[index]
    story.records.append(
        record._replace(kind=Kind.RECEIVE, flags=Flag.DUPLICATE, t_ns=record.t_ns + 3 * S // 2)
    )
    return {identity(record)}


def jump_silently(story: Story) -> set[Identity]:
    """Skip a position on a connection without announcing it."""
    for index in story.at(Kind.GAP):
        gap = story.records[index]
        pushed = [
            story.records[i].seq for i in story.at(Kind.DELIVER, conv=gap.conv, link=gap.link)
        ]
        if max(pushed) > gap.seq:
            story.drop([index])
            return set()
    raise AssertionError


def assign_one_position_twice(story: Story) -> set[Identity]:
    """Give the last message of a conversation the position of the one before it, for all users."""
    head, known = next(_heads(story))
    (last,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
    message = identity(story.records[last])
    for kind in (Kind.ACK, Kind.DELIVER, Kind.AUDIT):
        for index in _of(story, kind, message):
            story.change(index, seq=known.seq - 1)
    story.change(head, seq=known.seq - 1)
    return {message}


def place_the_later_acknowledged_first(story: Story) -> set[Identity]:
    """Exchange the positions of messages of two senders, of which one was acknowledged first.

    The sender of the second had not received the first, so it is no reply.
    """
    audits = sorted(
        (story.records[index] for index in story.at(Kind.AUDIT)),
        key=lambda record: (record.conv, record.seq),
    )
    for one, two in itertools.pairwise(audits):
        neighbours = (one.conv, one.seq + 1) == (two.conv, two.seq) and one.peer != two.peer
        if not neighbours or (one.flags | two.flags) & Flag.ROOM_EVENT:
            continue
        if _ordered(story, one, two) and not _answers(story, one, two):
            _exchange(story, one, two)
            return {identity(one), identity(two)}
    raise AssertionError


def _answers(story: Story, one: Record, two: Record) -> bool:
    """Return whether the sender of `two` had received `one` before sending it."""
    sent = story.records[_of(story, Kind.ATTEMPT, identity(two))[0]]
    return any(
        story.links[story.records[index].link].user == sent.peer
        and story.records[index].t_ns < sent.t_ns
        for index in _of(story, Kind.DELIVER, identity(one))
    )


def present_in_another_order(story: Story) -> set[Identity]:
    """Present two messages to one receiver in the opposite order; none answers the other."""
    return _present_swapped(story, reply=False)


def present_a_reply_first(story: Story) -> set[Identity]:
    """Present a reply to one receiver before the message that it answers."""
    return _present_swapped(story, reply=True)


def _present_swapped(story: Story, *, reply: bool) -> set[Identity]:
    for first, second in _resynced_neighbours(story):
        one, two = story.records[first], story.records[second]
        if one.peer == two.peer or one.conv == ROOM or not _was_sent(story, two, one.t_ns):
            continue
        if _answers(story, one, two) == reply:
            story.change(first, t_ns=two.t_ns)
            story.change(second, t_ns=one.t_ns)
            return {identity(one), identity(two)}
    raise AssertionError


def _was_sent(story: Story, shown: Record, before_ns: int) -> bool:
    """Return whether a message was sent before a time: only then can it be shown at that time."""
    sent = story.at(Kind.ATTEMPT, conv=shown.conv, peer=shown.peer, sseq=shown.sseq)
    return any(story.records[index].t_ns < before_ns for index in sent)


def corrupt_a_body(story: Story) -> set[Identity]:
    """Deliver a body with a wrong checksum."""
    index = story.at(Kind.DELIVER)[20]
    story.change(index, flags=story.records[index].flags | Flag.CRC_BAD)
    return {identity(story.records[index])}


def store_a_message_that_was_not_sent(story: Story) -> set[Identity]:
    """Let the audit find a message of this run that has no op."""
    head, known = next(_heads(story))
    record = story.records[story.at(Kind.AUDIT, conv=known.conv)[0]]
    made_up = record._replace(sseq=999_999, seq=known.seq + 1, t_ns=record.t_ns + 1)
    story.records.append(made_up)
    story.change(head, seq=known.seq + 1)
    return {identity(made_up)}


def store_a_refused_message(story: Story) -> set[Identity]:
    """Refuse a message, but store it and deliver it to all members."""
    index = story.at(Kind.ACK)[30]
    story.change(index, kind=Kind.REJECT, seq=0)
    return {identity(story.records[index])}


def deliver_a_refused_message(story: Story) -> set[Identity]:
    """Refuse a message and do not store it, but deliver it to a member."""
    refused = story.records[story.at(Kind.REJECT)[0]]
    link = max(
        number
        for number, link in story.links.items()
        if link.user in story.convs[refused.conv]["members"]
    )
    shown = refused._replace(kind=Kind.DELIVER, link=link, spare=0, flags=Channel.RESYNC)
    story.records.append(shown._replace(t_ns=ZERO + 25 * S))
    return {identity(refused)}


def receive_a_foreign_body(story: Story) -> set[Identity]:
    """Push a body that is not from this run."""
    _, known = next(_heads(story))
    link = next(
        number
        for number, link in story.links.items()
        if link.user in story.convs[known.conv]["members"]
    )
    story.add(
        Kind.DELIVER,
        ZERO + 25 * S,
        conv=known.conv,
        link=link,
        seq=0,
        flags=Channel.RESYNC | Flag.FOREIGN,
    )
    return set()


def push_without_a_position(story: Story) -> set[Identity]:
    """Push a copy of a message without its position."""
    record = story.records[story.at(Kind.DELIVER, flags=Channel.LIVE)[7]]
    story.records.append(
        record._replace(kind=Kind.RECEIVE, seq=0, flags=Flag.DUPLICATE, t_ns=record.t_ns + MS)
    )
    return {identity(record)}


def skip_on_a_page(story: Story) -> set[Identity]:
    """Leave a room event out of a page, one that was not pushed to this connection as well."""
    for index in reversed(story.at(Kind.ROOM, flags=Channel.RESYNC)):
        record = story.records[index]
        place = {"link": record.link, "conv": record.conv, "seq": record.seq}
        if len([*story.at(Kind.ROOM, **place), *story.at(Kind.RECEIVE, **place)]) == 1:
            story.drop([index])
            return set()
    raise AssertionError


def leave_a_hole_in_the_audit(story: Story) -> set[Identity]:
    """Leave a position in the middle out of the audit."""
    _, known = next(_heads(story))
    index = story.at(Kind.AUDIT, conv=known.conv)[5]
    record = story.records[index]
    for ack in _of(story, Kind.ACK, identity(record)):
        story.change(ack, kind=Kind.UNKNOWN, seq=0)
    story.drop([index])
    return {identity(record)}


def present_a_message_beyond_the_audit(story: Story) -> set[Identity]:
    """Present the last message of a conversation, which is unanswered, but do not store it."""
    for head, known in _heads(story):
        (audit,) = story.at(Kind.AUDIT, conv=known.conv, seq=known.seq)
        message = identity(story.records[audit])
        for ack in _of(story, Kind.ACK, message):
            story.change(ack, kind=Kind.UNKNOWN, seq=0)
            story.change(head, seq=known.seq - 1)
            story.drop([audit])
            return {message}
    raise AssertionError


def stop_short_in_the_audit(story: Story) -> set[Identity]:
    """End a page of the audit before the head that it reports; another page has the rest."""
    index = story.at(Kind.PAGE, link=0)[0]
    page = story.records[index]
    story.change(index, peer=page.peer - 2)
    story.records.append(page._replace(seq=page.seq + page.peer - 2, peer=2, t_ns=page.t_ns + 1))
    return set()


def return_a_page_unsorted(story: Story) -> set[Identity]:
    """Return the entries of a page in another order; the client sorts them."""
    index = next(at for at in story.at(Kind.PAGE) if story.records[at].link)
    story.change(index, spare=story.records[index].spare | PageFlag.DISORDERED)
    return set()


def forget_the_last_positions(story: Story) -> set[Identity]:
    """Answer a user's request with the head of some seconds ago."""
    _, known = next(_heads(story))
    link = next(
        number
        for number, link in story.links.items()
        if link.user in story.convs[known.conv]["members"]
    )
    old = known.seq - 3
    at = {"conv": known.conv, "link": link, "spare": PageFlag.LAST}
    story.add(Kind.PAGE, ZERO + 30 * S, ref_ns=ZERO + 30 * S - MS, seq=old, sseq=old, **at)
    return set()


def push_again_what_the_client_had(story: Story) -> set[Identity]:
    """Push to a client that returned a message from its earlier connection."""
    link = next(link for link in story.links.values() if link.incarnation == 2)
    (before,) = (
        number
        for number, known in story.links.items()
        if known.user == link.user and known.incarnation == 1
    )
    record = story.records[story.at(Kind.DELIVER, link=before)[0]]
    again = record._replace(kind=Kind.RECEIVE, link=link.number, flags=Flag.DUPLICATE)
    story.records.append(again._replace(t_ns=link.up + 5 * MS))
    return {identity(record)}


def _audit_of_an_acknowledged_message(story: Story, conv: int) -> int:
    """Return the index of the record by which the audit finds such a message, not at the start."""
    return next(
        index
        for index in story.at(Kind.AUDIT, conv=conv)[5:]
        if _of(story, Kind.ACK, identity(story.records[index]))
    )


def lose_in_the_middle(story: Story) -> set[Identity]:
    """Acknowledge a message and push it to all, but do not store it; others follow it."""
    _, known = next(_heads(story))
    audit = _audit_of_an_acknowledged_message(story, known.conv)
    message = identity(story.records[audit])
    story.drop([audit])
    return {message}


def replace_a_pushed_body(story: Story) -> set[Identity]:
    """Push bytes that were never sent in place of a message, at its position."""
    _, known = next(_heads(story))
    shown = [
        index
        for index in story.at(Kind.DELIVER, conv=known.conv)
        if _receiver(story, index) != story.records[index].peer
        and _of(story, Kind.ACK, identity(story.records[index]))
    ]
    record = story.records[shown[7]]
    story.change(shown[7], peer=0, sseq=0, ref_ns=0, flags=record.flags | Flag.FOREIGN)
    return set()


def replace_a_stored_body(story: Story) -> set[Identity]:
    """Store bytes that were never sent in place of an acknowledged message."""
    _, known = next(_heads(story))
    audit = _audit_of_an_acknowledged_message(story, known.conv)
    record = story.records[audit]
    story.change(audit, peer=0, sseq=0, ref_ns=0, flags=record.flags | Flag.FOREIGN)
    return set()


def push_what_was_never_sent(story: Story) -> set[Identity]:
    """Push a message of this run that has no op, between two that were sent."""
    _, known = next(_heads(story))
    index = story.at(Kind.DELIVER, conv=known.conv)[9]
    made_up = story.records[index]._replace(sseq=888_888, seq=0, flags=Channel.RESYNC)
    story.records.append(made_up._replace(t_ns=made_up.t_ns + 1))
    return {identity(made_up)}


MUTATORS: dict[Mutator, str] = {
    lose_the_tail: "lost-acked",
    acknowledge_what_is_not_stored: "lost-acked",
    assign_a_position_and_roll_back: "lost-acked",
    acknowledge_strangers_as_well: "lost-acked",
    lose_in_the_middle: "lost-acked",
    withhold_the_tail: "undelivered",
    withhold_from_the_second_device: "undelivered",
    withhold_what_was_not_answered: "undelivered",
    refuse_a_user: "undelivered",
    deliver_after_the_deadline: "undelivered",
    present_twice: "duplicate",
    store_twice: "duplicate",
    exchange_positions: "sender-fifo",
    push_backwards: "wire-order",
    jump_silently: "wire-order",
    assign_one_position_twice: "position",
    push_without_a_position: "position",
    place_the_later_acknowledged_first: "realtime",
    present_a_reply_first: "causal",
    present_in_another_order: "divergent-order",
    corrupt_a_body: "phantom",
    store_a_message_that_was_not_sent: "phantom",
    store_a_refused_message: "phantom",
    deliver_a_refused_message: "phantom",
    receive_a_foreign_body: "phantom",
    replace_a_pushed_body: "phantom",
    replace_a_stored_body: "phantom",
    push_what_was_never_sent: "phantom",
    **ACCESS_MUTATORS,
    skip_on_a_page: "history-gap",
    leave_a_hole_in_the_audit: "history-gap",
    present_a_message_beyond_the_audit: "history-gap",
    stop_short_in_the_audit: "history-gap",
    return_a_page_unsorted: "history-order",
    forget_the_last_positions: "history-regress",
    push_again_what_the_client_had: "resync-replay",
    **dict.fromkeys(EXIT_MUTATORS, "exit"),
    **dict.fromkeys(ATTENDANCE_MUTATORS, "attendance-stale"),
    **ACK_MUTATORS,
    **STAMP_MUTATORS,
    **SERVICE_MUTATORS,
    **START_MUTATORS,
    **STORE_MUTATORS,
}
