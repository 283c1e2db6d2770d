"""misdelivery: an entry reached a user who was not a member at its position.

The members of a direct conversation may read all of it. In a conversation with RANGE records, users
may read the positions in their ranges. A member whose range is unknown, because the request to join
was never answered, may or may not be entitled and is not judged. Where others recorded at which
times a member left and came back, nothing may be pushed to them that was sent and received between.
Copies that the client dropped
count, because they reached it, and so do pushes that it held back and never presented. Where the
server gives no positions, members may read everything.

Clients have no inbox for a conversation of which their user is no member. What is pushed to them
there nevertheless, they record when it arrives (STRAY), and every such push is a violation.
"""

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._held_pushes import never_presented
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, equal, ints, is_any
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "misdelivery",
    "a message was presented to a user who was not a member at its position",
    aspect="content",
    required=True,
    # If every second copy went astray, five would show it in 97 runs of 100.
    examined_min=5,
)


def check(history: History) -> Finding:
    records = history.records
    reached = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.STRAY))
    reached |= never_presented(history)
    reached &= ~equal(records["flags"] & CHANNEL_BITS, Channel.AUDIT)
    at = np.flatnonzero(reached)
    conv, seq = ints(records["conv"][at]), ints(records["seq"][at])
    stray = equal(records["kind"].take(at), Kind.STRAY)
    excluded = history.membership.excluded(conv, history.user[at], seq)
    wrong = at[stray | excluded | _pushed_while_out(history, at)]
    return Finding(
        examined=at.size,
        subject="received copies",
        statement="{count} of {examined} {subject} reached a user who was not a member.",
        count=wrong.size,
        witnesses=tuple(_witness(history, int(index)) for index in wrong[:WITNESSES_MAX]),
        times_ns=ints(records["t_ns"][wrong]),
        happened="were received",
    )


def _pushed_while_out(history: History, at: Ints) -> Bools:
    """Return what was pushed to users who were certainly out since before it was sent.

    This concerns members of whom only times are known. They may read later what others wrote then.
    """
    records, membership = history.records, history.membership
    conv, user = ints(records["conv"][at]), history.user[at]
    message = history.messages.of_record[at]
    wrong: Bools = membership.timed(conv, user) & (message >= 0)
    wrong &= ~equal(records["flags"][at] & CHANNEL_BITS, Channel.HISTORY)
    pushed = np.flatnonzero(wrong)
    sent_ns = history.messages.first_attempt_ns[message[pushed]]
    wrong[pushed] = (sent_ns < NEVER) & membership.changes.certainly_out(
        conv[pushed], user[pushed], sent_ns, ints(records["t_ns"][at[pushed]])
    )
    return wrong


def _event(number: int) -> str:
    return RoomEvent(number).name.lower() if number in set(RoomEvent) else "unknown"


def _witness(history: History, index: int) -> Witness:
    record = history.records[index]
    message, user = int(history.messages.of_record[index]), int(history.user[index])
    conv = history.names.conv(int(record["conv"]))
    if record["kind"] == Kind.STRAY and record["flags"] & Flag.FOREIGN:
        conv = "a conversation that the load does not know"
    subject = history.title(message) if message >= 0 else f"a message in {conv}"
    if record["kind"] == Kind.ROOM or record["flags"] & Flag.ROOM_EVENT:
        subject = f"the event `{_event(int(record['sseq']))}` of {conv}"
    where = f" at position {record['seq']}" if record["seq"] else ""
    return Witness(
        f"{history.names.user(user)} received {subject}{where} without being a member there.",
        (message,) if message >= 0 else (),
        user,
        (index,),
    )
