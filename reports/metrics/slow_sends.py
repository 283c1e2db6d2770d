"""The ops that were refused or given up, or acknowledged only after their first attempt's time.

They are few in most runs, so that the times of all others need not be kept for the metrics.
"""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.arrays import NEVER, Bools, Ints
from gauntlet.reports.history.history import History


@dataclass(frozen=True)
class SlowSends:
    """Parallel arrays with one entry for each of these ops; see `Messages`."""

    intended_ns: Ints
    first_attempt_ns: Ints
    acked_ns: Ints
    unanswered_ns: Ints
    ended_ns: Ints
    given_up: Bools
    rejected: Bools

    @property
    def acked(self) -> Bools:
        """Which of them were acknowledged in the end."""
        acked: Bools = self.acked_ns != NEVER
        return acked


def slow_sends(history: History) -> SlowSends:
    """Return the ops of a history that were not just acknowledged within the attempt's time."""
    messages, timeout_ns = history.messages, int(history.scenario.load.attempt_timeout * NS_PER_S)
    attempted = messages.first_attempt_ns != NEVER
    due_ns = np.where(attempted, messages.first_attempt_ns, 0) + timeout_ns
    late = ~messages.acked | (attempted & (messages.acked_ns > due_ns))
    late |= messages.rejected | messages.given_up
    at = np.flatnonzero(messages.sent & late)
    return SlowSends(
        messages.intended_ns[at],
        messages.first_attempt_ns[at],
        messages.acked_ns[at],
        messages.unanswered_ns[at],
        messages.ended_ns[at],
        messages.given_up[at],
        messages.rejected[at],
    )
