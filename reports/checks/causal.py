"""causal: a receiver saw a reply before the message that it answers.

A message answers what its sender's device had received before it sent the message, because its
author may have reacted to that. Therefore all members must see the two in this order.
`_order_cycles` describes the search; a contradiction without a reply is a violation of
`divergent-order` instead. Two messages of one author, of which the first was acknowledged before
the second was sent, are the concern of `sender-fifo`.
"""

from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._listings import FIRST_PAGE, witness_of
from gauntlet.reports.checks._order_cycles import Overtaken, find_cycles
from gauntlet.reports.checks._shared import named_by
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
    overtaken = [
        cycle.overtaken
        for cycle in orders.cycles
        if cycle.overtaken is not None and not _is_of_one_sender(history, cycle.overtaken)
    ]
    return Finding(
        examined=orders.answered,
        subject="messages sent after receiving another",
        subject_of_one="message sent after receiving another",
        statement="{count} {groups} of messages among {total} {were} seen before what they answer.",
        count=len(overtaken),
        witnesses=tuple(_witness(history, found) for found in overtaken[:WITNESSES_MAX]),
        not_applicable=""
        if orders.answered
        else "No user sent a message after receiving another in the same conversation.",
    )


def _is_of_one_sender(history: History, found: Overtaken) -> bool:
    """Return whether `sender-fifo` reports the same two messages of the same reader."""
    messages, both = history.messages, [found.earlier, found.reply]
    (author, other), (earlier, _) = messages.author[both], messages.acked_ns[both]
    if found.reader >= FIRST_PAGE and messages.handed_over[found.earlier]:
        return False
    in_sequence = bool(author == other and earlier < messages.first_attempt_ns[found.reply])
    return found.reader >= 0 and in_sequence and named_by(history, "sender-fifo")


def _witness(history: History, found: Overtaken) -> Witness:
    author = history.names.user(int(history.messages.author[found.reply]))
    if found.reader < 0:
        return Witness(
            f"{author} had received {history.title(found.earlier)} before sending "
            f"{history.title(found.reply)}, but other receivers' orders imply the opposite.",
            (found.earlier, found.reply),
        )
    return witness_of(
        history,
        found.reader,
        f"{history.title(found.reply)} before {history.title(found.earlier)}, which {author} had "
        "received before sending the reply.",
        (found.earlier, found.reply),
    )
