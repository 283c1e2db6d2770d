"""causal: a receiver saw a reply before the message that it answers.

A message answers what its sender's device had received before it sent the message, because its
author may have reacted to that. Therefore all members must see the two in this order.
`_order_cycles` describes the search; a contradiction without a reply is a violation of
`divergent-order` instead.
"""

from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._order_cycles import Overtaken, find_cycles
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "causal",
    "a receiver saw a reply before the message that it answers",
    aspect="order",
    required=True,
    # Replies are rare in short runs, and each can be overtaken.
    examined_min=1,
)


def check(history: History) -> Finding:
    orders = find_cycles(history)
    overtaken = [cycle.overtaken for cycle in orders.cycles if cycle.overtaken is not None]
    return Finding(
        examined=orders.answered,
        subject="messages sent after receiving another",
        statement="{count} {groups} of messages among {examined} {subject} {were} seen before what "
        "they answer.",
        count=len(overtaken),
        witnesses=tuple(_witness(history, found) for found in overtaken[:WITNESSES_MAX]),
        not_applicable=""
        if orders.answered
        else "No user sent a message after receiving another in the same conversation.",
    )


def _witness(history: History, found: Overtaken) -> Witness:
    author = history.names.user(int(history.messages.author[found.reply]))
    if found.session < 0:
        return Witness(
            f"{author} had received {history.title(found.earlier)} before sending "
            f"{history.title(found.reply)}, but other receivers' orders imply the opposite.",
            (found.earlier, found.reply),
        )
    user, _ = history.names.sessions[found.session]
    return Witness(
        f"{history.names.user(user)} received {history.title(found.reply)} before "
        f"{history.title(found.earlier)}, which {author} had received before sending the reply.",
        (found.earlier, found.reply),
        user,
    )
