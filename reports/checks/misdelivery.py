"""misdelivery: a message reached somebody who was not a member at its position.

Direct conversations belong to their members, whole. In a conversation with RANGE records a user is
entitled to the positions in his ranges. A member whose range was never learnt (his joining was not
answered) may or may not be entitled: nothing is said of him. Copies that the client dropped count:
they reached it. Where the server gives no positions, every conversation belongs to its members.
"""

import numpy as np

from gauntlet.core.history import Channel, Kind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import ints


def check(history: History) -> Finding:
    records = history.records
    reached = np.isin(records["kind"], (Kind.DELIVER, Kind.RECEIVE))
    reached &= records["flags"] & CHANNEL_BITS != Channel.AUDIT
    at = np.flatnonzero(reached)
    conv, seq = ints(records["conv"][at]), ints(records["seq"][at])
    if SERVER_SEQ not in history.capabilities:
        seq = np.ones_like(seq)
    wrong = at[history.entitlement.excluded(conv, history.user[at], seq)]
    return Finding(
        examined=at.size,
        what="received copies",
        count=wrong.size,
        witnesses=tuple(_witness(history, int(index)) for index in wrong[:WITNESSES_MAX]),
    )


def _witness(history: History, index: int) -> Witness:
    record = history.records[index]
    message, user = int(history.messages.of_record[index]), int(history.user[index])
    conv = history.names.conv(int(record["conv"]))
    subject = history.title(message) if message >= 0 else f"a message in {conv}"
    where = f" at position {record['seq']}" if record["seq"] else ""
    return Witness(
        f"{history.names.user(user)} received {subject}{where}, where he was not a member.",
        (message,) if message >= 0 else (),
        user,
    )
