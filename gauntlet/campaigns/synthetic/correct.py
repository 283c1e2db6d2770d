"""Unusual but correct histories: what a user may find strange, and no check may report.

Each returns a run in which one thing is unusual. A history on which the judge raised a false alarm
belongs here, after the judge was corrected.
"""

from collections.abc import Callable

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import MS, ZERO, S, Story
from gauntlet.core.history import Kind

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


CORRECT: tuple[Callable[[int], Story], ...] = (
    usual,
    dense,
    second_device,
    earlier_messages,
    missed_arrivals,
    page_read_twice,
    acknowledged_late,
    fast_server,
)
