"""Replays recorded messages: which worker sends the message of a row, and who sends it where.

Arrival number `n` has the message of row `n`; after the last row, the first one follows again (a
higher rate or a surge can make more arrivals than there are rows). All messages of a recorded
conversation, or else those of a recorded sender, belong to one worker and to one of its
conversations or users. The mapping depends on nothing but the trace and the plan.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

from gauntlet.core.scenario.traces.message_trace import Messages
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.workloads.entities import Conversation


class Replay:
    """The recorded messages that one worker sends in its conversations."""

    def __init__(
        self, messages: Messages, stripe: Stripe, conversations: Sequence[Conversation]
    ) -> None:
        self._messages, self._stripe = messages, stripe
        self._keys = messages.conversations or messages.senders
        self._conversations = conversations
        # By (recorded conversation, recorded sender): the position among those who sent there.
        self._positions = _positions(messages)
        self._of_author: dict[int, list[Conversation]] = {}
        for conv in conversations:
            for author in conv.members:
                self._of_author.setdefault(author, []).append(conv)
        self._authors = list(self._of_author)
        self._own = self._own_rows()

    def own_times(self, schedule: Callable[[Stripe], Iterator[int]]) -> Iterator[int]:
        """Yield the times of this worker's arrivals; `schedule` gives those of a stripe."""
        if not self._keys:
            yield from schedule(self._stripe)
            return
        keys = itertools.cycle(self._keys)
        for time_ns, key in zip(schedule(Stripe()), keys, strict=False):
            if key % self._stripe.workers == self._stripe.worker:
                yield time_ns

    def next_row(self) -> int:
        """Return the row of this worker's next arrival."""
        return next(self._own)

    def body_of(self, row: int) -> tuple[int, str | None]:
        """Return the size of a row's body in bytes (0: the usual one), and its text if any."""
        sizes, texts = self._messages.sizes, self._messages.texts
        return (sizes[row] if sizes else 0), (texts[row] if texts else None)

    def sender(self, row: int) -> tuple[Conversation, int] | None:
        """Return the conversation and the author of a row; None where the trace names neither."""
        if not self._keys or not self._conversations:
            return None
        messages, rank = self._messages, self._keys[row] // self._stripe.workers
        if messages.conversations:
            conv = self._conversations[rank % len(self._conversations)]
            position = self._positions[row] if messages.senders else row
            return conv, conv.members[position % len(conv.members)]
        author = self._authors[rank % len(self._authors)]
        own = self._of_author[author]
        return own[row % len(own)], author

    def _own_rows(self) -> Iterator[int]:
        count = len(self._messages.lines)
        if not self._keys:
            for number in itertools.count(self._stripe.worker, self._stripe.workers):
                yield number % count
        for row in itertools.cycle(range(count)):
            if self._keys[row] % self._stripe.workers == self._stripe.worker:
                yield row


def _positions(messages: Messages) -> tuple[int, ...]:
    """Return for each row the rank of its sender among those of its recorded conversation."""
    if not (messages.senders and messages.conversations):
        return ()
    ranks: dict[int, dict[int, int]] = {}
    positions: list[int] = []
    for conversation, sender in zip(messages.conversations, messages.senders, strict=True):
        known = ranks.setdefault(conversation, {})
        positions.append(known.setdefault(sender, len(known)))
    return tuple(positions)
