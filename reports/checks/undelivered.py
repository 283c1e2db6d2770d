"""undelivered: acknowledged and stored, and not shown to somebody who was watching.

Expected are an acknowledged op × each device of each user who is entitled to its position: each
that connected at least once, the author's other devices too. Live push, re-sync and history all
deliver; the audit does not. A delivery must come by the end of the run, and within
`delivery_deadline` of the acknowledgement: counted from the heal of a fault that overlaps the wait,
and from the return of a receiver who was away on purpose. Everybody is called back when the quiesce
begins: whoever does not come then was kept out, and is owed what he missed. Only a run that did not
get so far owes him nothing. Whom the load started and the system never let in at all is no watcher:
then the answer is not known. Messages that the audit does not find are `lost-acked`'s.
"""

import numpy as np

from gauntlet.kernel.capabilities import HISTORY
from gauntlet.kernel.clock import NS_PER_S, format_s
from reports.checks.verdict import WITNESSES_MAX, Finding, Witness
from reports.columns import NEVER, Ints
from reports.model import History


def check(history: History) -> Finding:
    messages, expected = history.messages, history.expected
    audit = HISTORY in history.capabilities
    # Who cannot read what is stored has only the acknowledgement to go by.
    stored = messages.stored[expected.message] | (not audit)
    back_ns = history.sessions.back_ns(
        expected.session, messages.intended_ns[expected.message], expected.presented_ns
    )
    judged = stored & (back_ns != NEVER)
    late = expected.presented_ns > _due_ns(history, back_ns)  # what never came is later than any
    failed = np.flatnonzero(judged & late)
    return Finding(
        examined=int(judged.sum()),
        what="expected deliveries",
        count=failed.size,
        witnesses=tuple(_witness(history, int(at)) for at in failed[:WITNESSES_MAX]),
        unknown="No audit: what is stored is not known."
        if audit and not messages.stored.any()
        else history.turnout.refused,
    )


def _due_ns(history: History, back_ns: Ints) -> Ints:
    """When each delivery had to be there."""
    messages, expected = history.messages, history.expected
    asked_ns = messages.intended_ns[expected.message]
    start_ns = np.maximum(messages.acked_ns[expected.message], back_ns)
    for fault in history.events.faults:
        if fault.effective_ns is None or fault.healed_ns is None:
            continue
        overlaps = (asked_ns < fault.healed_ns) & (expected.presented_ns > fault.effective_ns)
        start_ns = np.where(overlaps, np.maximum(start_ns, fault.healed_ns), start_ns)
    deadline_ns = int(history.scenario.delivery_deadline * NS_PER_S)
    return np.minimum(start_ns, NEVER - deadline_ns) + deadline_ns


def _who(history: History, session: int) -> str:
    user, device = history.names.sessions[session]
    name = history.names.user(user)
    others = any(one == user and other != device for one, other in history.names.sessions)
    return f"{name} ({device})" if others else name


def _witness(history: History, at: int) -> Witness:
    known, expected = history.messages, history.expected
    message, user = int(expected.message[at]), int(expected.user[at])
    stored = " and is stored" if known.stored[message] else ""
    who = _who(history, int(expected.session[at]))
    head = (
        f"{who} was watching and did not get {history.title(message)}"
        f"{history.place(message)}, which was acknowledged{stored}"
    )
    if expected.missing[at]:
        return Witness(f"{head}.", (message,), user)
    late_s = (int(expected.presented_ns[at]) - int(known.acked_ns[message])) / NS_PER_S
    return Witness(f"{head}, until {format_s(late_s)} later.", (message,), user)
