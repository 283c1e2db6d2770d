"""undelivered: stored, and known to be, and not shown to somebody who was watching.

Expected are an op × each device of each user who is entitled to its position: each that connected
at least once, the author's other devices too. The op was acknowledged; or it had no answer, the
audit finds it, and before the quiesce somebody had seen it or a later position, so that it is no
straggler that was committed when nobody waited any more. Live push, re-sync and history all
deliver; the audit does not. A delivery must come by the end of the run, and within
`delivery_deadline` of the acknowledgement (or of that sight): counted from the heal of a fault that
overlaps the wait, and from the return of a receiver who was away on purpose. Everybody is called
back when the quiesce begins: whoever does not come then was kept out, and is owed what he missed.
Only a run that did not get so far owes him nothing. Whom the load started and the system never let
in at all is no watcher: then the answer is not known. Messages that the audit does not find are
`lost-acked`'s.
"""

import numpy as np

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.deliveries import Expected
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER, Ints


def check(history: History) -> Finding:
    messages = history.messages
    answered = _failed(history, history.expected, messages.acked_ns)
    unanswered = _failed(history, history.unanswered, history.surfaced_ns)
    witnesses = [
        *(_witness(history, history.expected, int(at)) for at in answered[1][:WITNESSES_MAX]),
        *(_witness(history, history.unanswered, int(at)) for at in unanswered[1][:WITNESSES_MAX]),
    ]
    return Finding(
        examined=answered[0] + unanswered[0],
        what="expected deliveries",
        count=answered[1].size + unanswered[1].size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        unknown="No audit: what is stored is not known."
        if HISTORY in history.capabilities and not messages.stored.any()
        else history.turnout.refused,
    )


def _failed(history: History, owed: Expected, since_ns: Ints) -> tuple[int, Ints]:
    """(how many were judged, which failed) of deliveries whose messages are owed `since_ns`."""
    messages = history.messages
    # Who cannot read what is stored has only the acknowledgement to go by.
    stored = messages.stored[owed.message] | (HISTORY not in history.capabilities)
    back_ns = history.sessions.back_ns(
        owed.session, messages.intended_ns[owed.message], owed.presented_ns
    )
    judged = stored & (back_ns != NEVER)
    start_ns = np.maximum(since_ns[owed.message], back_ns)
    late = owed.presented_ns > _due_ns(history, owed, start_ns)  # what never came is the latest
    return int(judged.sum()), np.flatnonzero(judged & late)


def _due_ns(history: History, owed: Expected, start_ns: Ints) -> Ints:
    """When each delivery that could come from `start_ns` on had to be there."""
    asked_ns = history.messages.intended_ns[owed.message]
    for fault in history.events.faults:
        if fault.effective_ns is None or fault.healed_ns is None:
            continue
        overlaps = (asked_ns < fault.healed_ns) & (owed.presented_ns > fault.effective_ns)
        start_ns = np.where(overlaps, np.maximum(start_ns, fault.healed_ns), start_ns)
    deadline_ns = int(history.scenario.delivery_deadline * NS_PER_S)
    return np.minimum(start_ns, NEVER - deadline_ns) + deadline_ns


def _who(history: History, session: int) -> str:
    user, device = history.names.sessions[session]
    name = history.names.user(user)
    others = any(one == user and other != device for one, other in history.names.sessions)
    return f"{name} ({device})" if others else name


def _witness(history: History, owed: Expected, at: int) -> Witness:
    known = history.messages
    message, user = int(owed.message[at]), int(owed.user[at])
    since_ns, how = int(history.surfaced_ns[message]), "stored, though its sender had no answer"
    if known.acked[message]:
        since_ns, how = int(known.acked_ns[message]), "acknowledged"
        how += " and is stored" if known.stored[message] else ""
    head = (
        f"{_who(history, int(owed.session[at]))} was watching and did not get "
        f"{history.title(message)}{history.place(message)}, which "
        f"{'was' if known.acked[message] else 'is'} {how}"
    )
    if owed.missing[at]:
        return Witness(f"{head}.", (message,), user)
    late_s = (int(owed.presented_ns[at]) - since_ns) / NS_PER_S
    return Witness(f"{head}, until {format_s(late_s)} later.", (message,), user)
