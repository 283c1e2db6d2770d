"""Unusual but correct histories: what a user may find strange, and no check may report.

Each returns a run in which one thing is unusual. A history on which the judge raised a false alarm
belongs here, after the judge was corrected.
"""

import dataclasses
import itertools
import random
from collections.abc import Callable

from gauntlet.campaigns.synthetic.histories import ROOM, good_story
from gauntlet.campaigns.synthetic.member_changes import changing_room
from gauntlet.campaigns.synthetic.start_mutators import list_heads, state_starts
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, MS, ZERO, Link, S, Story
from gauntlet.core.history import (
    STAMP_AGE_UNIT_NS,
    Channel,
    Contact,
    Flag,
    Kind,
    PageFlag,
    ProbeResult,
    Relation,
)
from gauntlet.core.run_directory import ACCOUNTS_FROM
from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    HEADS,
    HISTORY,
    ROOMS,
    SELF_ECHO,
    SERVER_SEQ,
)

_SECOND_DEVICE_OF = 2


def usual(seed: int) -> Story:
    """Members join and leave, users go offline, an edge is killed, and some ops are refused."""
    return good_story(seed)


def dense(seed: int) -> Story:
    """Four times as many messages, so that many are in flight in every conversation."""
    return good_story(seed, rate=160)


def second_device(seed: int) -> Story:
    """A user has a second device, which receives everything that the first one receives."""
    story = good_story(seed)
    story.add_device(_SECOND_DEVICE_OF)
    story.reconcile()
    return story


def earlier_messages(seed: int) -> Story:
    """The conversations begin with messages of an earlier run."""
    story = good_story(seed)
    story.leave_behind(5)
    story.reconcile()
    return story


def missed_arrivals(seed: int) -> Story:
    """Some intended sends became no op, because no sender was connected."""
    story = good_story(seed)
    for at in range(3):
        story.miss(8.3 + at / 10)
    return story


def page_read_twice(seed: int) -> Story:
    """A client reads every page of the history twice; the second one contains the same."""
    story = good_story(seed)
    for index in story.at(Kind.PAGE):
        page = story.records[index]
        if page.link:
            # Requested and received a moment later; what it contains was presented already.
            later = page._replace(t_ns=page.t_ns + 1, ref_ns=page.ref_ns + 1)
            story.records.append(later)
    return story


def acknowledged_late(seed: int) -> Story:
    """An acknowledgement is lost, and the repetition of the send is answered a second later."""
    story = good_story(seed)
    for index in story.at(Kind.ACK)[10:]:
        ack = story.records[index]
        ends = ack.t_ns + S
        sent = [story.records[at] for at in story.at(Kind.OP, conv=ack.conv, peer=ack.peer)]
        waits = [record for record in sent if record.sseq > ack.sseq and record.t_ns <= ends]
        if not waits and ack.spare == 1 and ack.t_ns < ZERO + 7 * S:
            fields = ("ref_ns", "conv", "link", "peer", "sseq")
            known = {name: getattr(ack, name) for name in fields}
            story.add(Kind.ATTEMPT, ends - 5 * MS, spare=2, **known)
            story.change(index, t_ns=ends, spare=2)
            break
    story.reconcile()
    return story


def fast_server(seed: int) -> Story:
    """Every acknowledgement arrives in the same instant in which the send was made."""
    story = good_story(seed)
    for index in story.at(Kind.ACK):
        ack = story.records[index]
        (*_, last) = story.at(Kind.ATTEMPT, conv=ack.conv, peer=ack.peer, sseq=ack.sseq)
        story.change(last, t_ns=ack.t_ns)
    return story


def removed_and_added_again(_seed: int) -> Story:
    """A member is removed, and added again some seconds later, while others talk."""
    return changing_room()


def large_room(_seed: int) -> Story:
    """A room has 150 members, of whom one is away for some seconds."""
    return changing_room(150)


def served_in_order(_seed: int) -> Story:
    """A room serves its members one after the other, so that the last ones wait for seconds.

    They are quickly served in another conversation, whose only sender is not in the room.
    """
    story = changing_room(9)
    room, other, sender = 1, 2, 10
    for kind in (Kind.DELIVER, Kind.ROOM):
        for index in story.at(kind):
            record = story.records[index]
            story.change(index, t_ns=record.t_ns + 350 * MS * max(0, record.link - 2))
    story.users[sender] = "u0-10"
    story.links[sender] = dataclasses.replace(story.links[1], number=sender, user=sender)
    for kind in (Kind.CONNECT, Kind.DISCONNECT):
        (known,) = story.at(kind, link=1)
        story.records.append(story.records[known]._replace(link=sender, peer=sender))
    story.convs[other] = {"name": "r.hall", "workload": "group", "members": [*story.users]}
    begun = [story.records[index].ref_ns for index in story.at(Kind.OP)]
    audited = [
        story.records[index] for kind in (Kind.PAGE, Kind.HEAD) for index in story.at(kind, link=0)
    ]
    for seq, intended in enumerate((at + 200 * MS for at in begun), 1):
        own = {"conv": other, "peer": sender, "sseq": seq, "ref_ns": intended}
        story.add(Kind.OP, intended, link=sender, **own)
        story.add(Kind.ATTEMPT, intended + MS, link=sender, spare=1, **own)
        story.add(Kind.ACK, intended + 5 * MS, link=sender, seq=seq, spare=1, **own)
        for reader in story.users:
            story.add(Kind.DELIVER, intended + 7 * MS, link=reader, seq=seq, **own)
        story.add(Kind.AUDIT, audited[0].t_ns, flags=Channel.AUDIT, seq=seq, **own)
    page, head = (each for each in audited if each.conv == room)
    story.records.append(page._replace(conv=other, peer=len(begun), sseq=len(begun)))
    story.records.append(head._replace(conv=other, seq=len(begun)))
    story.reconcile()
    return story


def empty_conversation(seed: int) -> Story:
    """Two users have a conversation in which no message is ever sent."""
    story = good_story(seed)
    conv = ROOM + 1
    about = {"name": "d.u0-1.u0-2", "workload": "direct", "members": [1, 2]}
    story.convs[conv] = about
    (known,) = (story.records[index] for index in story.at(Kind.PAGE, conv=1, link=0))
    page = known._replace(conv=conv, peer=0, sseq=0, spare=PageFlag.LAST)
    story.records.append(page)
    story.add(Kind.HEAD, page.t_ns + 1, conv=conv)
    return story


def three_devices_each(seed: int) -> Story:
    """Every user has three devices, of which each receives everything."""
    story = good_story(seed)
    for user in story.users:
        for device in (1, 2):
            story.add_device(user, device)
    story.reconcile()
    return story


def without_positions(seed: int) -> Story:
    """The server numbers nothing, and has no rooms."""
    story = good_story(seed)
    story.lacks = frozenset({SERVER_SEQ, HEADS, ROOMS, ATTENDANCE})
    story.drop([at for at, record in enumerate(story.records) if record.conv == ROOM])
    story.drop(story.at(Kind.GAP))
    del story.convs[ROOM]
    for index, record in enumerate(story.records):
        if record.kind not in (Kind.CONTACT, Kind.CONTACT_LIST, Kind.STICKER):
            is_page = record.kind == Kind.PAGE
            story.change(index, seq=0, sseq=0 if is_page else record.sseq)
    story.reconcile()
    return story


def without_history(seed: int) -> Story:
    """The server keeps nothing that could be read, so that an acknowledgement is the only proof."""
    story = good_story(seed)
    story.lacks = frozenset({HISTORY})
    read = [*story.at(Kind.AUDIT), *story.at(Kind.HEAD), *story.at(Kind.PAGE)]
    by_audit = [
        index for kind in (Kind.NAMED, Kind.STAMP) for index in story.at(kind, flags=Channel.AUDIT)
    ]
    story.drop([*read, *by_audit])
    return story


def without_echo(seed: int) -> Story:
    """The server does not send users their own messages."""
    story = good_story(seed)
    story.lacks = frozenset({SELF_ECHO})
    story.silence_echoes()
    story.reconcile()
    return story


def dialled_again_and_again(seed: int) -> Story:
    """In the fault, clients connect many times, and lose the connection at once."""
    story = good_story(seed)
    for link in [each for each in story.links.values() if each.incarnation == 2]:
        for at in range(20) if link.edge == "edge-blue-1" else ():
            number = 1_000 + 100 * link.number + at
            up = ZERO + round((FAULT_S + 0.1 + at * (BACK_S - FAULT_S - 0.3) / 20) * S)
            down = up + 20 * MS
            story.links[number] = Link(number, link.user, link.edge, up, down, 1006, 2)
            story.add(Kind.CONNECT, up, ref_ns=up - MS, link=number, peer=link.user)
            story.add(Kind.DISCONNECT, down, link=number, peer=link.user, spare=1006)
    return story


def clock_steps_back(seed: int) -> Story:
    """The clock of the server goes back by a second in the fault, which is within the tolerance."""
    story = good_story(seed)
    step_ns, since_ns = S, ZERO + int(FAULT_S * S)
    for index in story.at(Kind.STAMP):
        if story.records[index].ref_ns >= since_ns:
            story.change(index, ref_ns=story.records[index].ref_ns - step_ns)
    for index in story.at(Kind.DELIVER):
        record = story.records[index]
        if record.ref_ns >= since_ns:
            story.change(index, spare=record.spare + step_ns // STAMP_AGE_UNIT_NS)
    return story


def stated_positions(seed: int) -> Story:
    """The server states at connect the position behind which its pushes begin."""
    story = good_story(seed)
    state_starts(story)
    return story


def held_back(seed: int) -> Story:
    """Every third push arrives before it can be presented, but not before the push before it."""
    story = good_story(seed)
    pushes = [*story.at(Kind.DELIVER, flags=Channel.LIVE), *story.at(Kind.ROOM, flags=Channel.LIVE)]
    pushes.sort(key=lambda index: story.records[index].t_ns)
    previous_ns: dict[int, int] = {}
    for number, index in enumerate(pushes):
        record = story.records[index]
        if number % 3 == 0:
            event = Flag.ROOM_EVENT if record.kind == Kind.ROOM else 0
            t_ns = max(record.t_ns - MS // 2, previous_ns.get(record.link, 0))
            arrived = record._replace(kind=Kind.ARRIVED, t_ns=t_ns, spare=1)
            story.records.append(arrived._replace(flags=record.flags | event))
        previous_ns[record.link] = record.t_ns
    return story


def listed_heads(seed: int) -> Story:
    """Members are told again and again what the last positions of their conversations are."""
    story = good_story(seed)
    list_heads(story)
    return story


def many_contacts(seed: int) -> Story:
    """Every one of five accounts has four contacts; their requests cross, end and are renewed.

    The lists show each of them rightly, and what was requested already is refused.
    """
    story = good_story(seed)
    accounts = [ACCOUNTS_FROM + 10 + at for at in range(5)]
    random.Random(seed).shuffle(accounts)
    story.accounts |= {account: f"b0-{account - ACCOUNTS_FROM}" for account in accounts}
    for number, (one, two) in enumerate(itertools.combinations(accounts, 2)):
        at_ns = ZERO + 3 * S + number * 20 * MS
        _meet(story, one, two, at_ns)
    return story


def _meet(story: Story, one: int, two: int, begin_ns: int) -> None:
    """Let two accounts befriend each other by requests that cross, part, and ask and block."""
    nothing, granted = Relation(0), ProbeResult.GRANTED
    steps: tuple[tuple[Contact, int, int, ProbeResult, tuple[Relation, Relation] | None], ...] = (
        (Contact.END, one, two, granted, (nothing, nothing)),
        (Contact.REQUEST, one, two, granted, None),
        (Contact.REQUEST, two, one, granted, (Relation.FRIEND, Relation.FRIEND)),
        (Contact.REQUEST, one, two, ProbeResult.REFUSED, (Relation.FRIEND, Relation.FRIEND)),
        (Contact.END, two, one, granted, (nothing, nothing)),
        (Contact.REQUEST, two, one, granted, (Relation.INCOMING, Relation.OUTGOING)),
        (Contact.BLOCK, one, two, granted, (Relation.BLOCKED, nothing)),
        (Contact.REQUEST, two, one, ProbeResult.REFUSED, (Relation.BLOCKED, nothing)),
    )
    for step, (contact, who, other, result, lists) in enumerate(steps):
        asked = begin_ns + step * S
        # A request whose lists are not read ends after the next one has begun.
        took = 5 * MS if lists else S + MS
        known = {"ref_ns": asked, "seq": contact, "spare": result}
        story.add(Kind.CONTACT, asked + took, peer=who, sseq=other, **known)
        for reader, shown in zip((one, two), lists or (), strict=False):
            asked += 20 * MS
            known = {"ref_ns": asked, "seq": shown, "sseq": two if reader == one else one}
            story.add(Kind.CONTACT_LIST, asked + 5 * MS, peer=reader, **known)


def sticker_without_an_answer(seed: int) -> Story:
    """A sticker is stored although its sender had no answer, and one is refused in the fault."""
    story = good_story(seed)
    sent = story.at(Kind.STICKER)[0]
    story.change(sent, spare=ProbeResult.UNKNOWN)
    record = story.records[sent]
    fault_ns = ZERO + round((FAULT_S + 1) * S)
    refused = {"ref_ns": fault_ns, "t_ns": fault_ns + MS, "spare": ProbeResult.REFUSED}
    story.records.append(record._replace(sseq=9, **refused))
    return story


CORRECT: tuple[Callable[[int], Story], ...] = (
    usual,
    dense,
    second_device,
    earlier_messages,
    missed_arrivals,
    page_read_twice,
    acknowledged_late,
    fast_server,
    removed_and_added_again,
    large_room,
    served_in_order,
    empty_conversation,
    three_devices_each,
    without_positions,
    without_history,
    without_echo,
    dialled_again_and_again,
    clock_steps_back,
    stated_positions,
    held_back,
    listed_heads,
    many_contacts,
    sticker_without_an_answer,
)
