"""Whether anybody ever connected, and what stood in the way.

Sessions come back for ever, as good clients do. But a target that never let a single one in is no
target: then the run ends soon, and says why.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.model import Fault

PATIENCE_S = 12  # with the starts of Locust and its workers, and their ends: half a minute
_KINDS_MAX = 20  # whatever a server writes into its refusals
_KINDS_TOLD = 3


class ConnectDiagnosis:
    """What one worker knows of it. The faults are those planned; their times count from now.

    A target that was troubled only from a fault on may be down because of it: that is a finding,
    and no reason to give up.
    """

    def __init__(
        self, api: Sequence[str], faults: Sequence[Fault], now_ns: Callable[[], int]
    ) -> None:
        self.made = False
        self._api = ", ".join(api)
        self._now_ns = now_ns
        at_s = min((fault.at for fault in faults), default=math.inf)
        self._fault_ns = now_ns() + at_s * NS_PER_S
        self._began_ns = 0
        self._since_ns = 0
        self._troubles: Counter[str] = Counter()

    def attempt_started(self) -> None:
        """A session starts to connect; the first one starts the clock."""
        self._began_ns = self._began_ns or self._now_ns()

    def record_failure(self, why: str) -> None:
        """An attempt failed."""
        if not self.made:
            self._since_ns = self._since_ns or self._now_ns()
            if why in self._troubles or len(self._troubles) < _KINDS_MAX:
                self._troubles[why] += 1

    @property
    def should_give_up(self) -> bool:
        """Whether to give up: nobody got in for long enough, and no fault can be the reason."""
        waited_ns = self._now_ns() - self._began_ns
        if not self.failed or waited_ns < PATIENCE_S * NS_PER_S:
            return False
        return (self._since_ns or self._began_ns) < self._fault_ns

    @property
    def failed(self) -> bool:
        """Whether somebody tried, and nobody ever got in."""
        return not self.made and self._began_ns > 0

    @property
    def sentence(self) -> str:
        """`nobody could connect to http://… in 12 s: connection refused (84 times)`."""
        for_s = (self._now_ns() - self._began_ns) / NS_PER_S
        kinds = self._troubles.most_common(_KINDS_TOLD)
        why = ", ".join(f"{kind} ({_times(count)})" for kind, count in kinds)
        return f"nobody could connect to {self._api} in {for_s:.0f} s: {why or 'no answer at all'}"

    def tell(self, journal: Journal) -> None:
        """Write the row `unreachable`, if that is what the target was."""
        if self.failed:
            since_ns = self._since_ns or self._began_ns
            journal.write(
                "unreachable",
                since_ns=since_ns,
                reason=self.sentence,
                troubles=dict(self._troubles),
            )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def describe_error(error: BaseException) -> str:
    """A failed attempt in words that are the same for all of its kind."""
    cause = error.__cause__ or error
    for kind, words in _KINDS:
        if isinstance(cause, kind):
            return words
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    text = str(cause)
    return "no answer in time" if text == "TimeoutError" else text or type(cause).__name__


_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, "no answer in time"),
    (ConnectionResetError, "connection reset"),
)
