"""Finds out whether any user ever connected, and if not, why.

Sessions reconnect forever, like real clients. But a target that never accepts a single connection
cannot be tested: then the run ends early, and its error names the reason.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import ConfigError
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import AfterEvent
from gauntlet.core.scenario.secrets import redact_url

# With the start and the end of Locust and its workers, the user has the error after half a minute.
PATIENCE_S = 12
_REASONS_MAX = 20  # a server may write anything, something new each time, into its refusals
_REASONS_SHOWN = 3


class ConnectDiagnosis:
    """Connection attempts of one worker: `connected` is set once any of them has succeeded.

    The times of the planned faults count from the creation of this object. If failures began only
    after the first fault, the fault may have caused them: that is a finding for the verdict, and no
    reason to end the run.
    """

    def __init__(
        self, api: Sequence[str], faults: Sequence[Fault], now_ns: Callable[[], int]
    ) -> None:
        self.connected = False
        self._api = ", ".join(map(redact_url, api))
        self._now_ns = now_ns
        # A fault that follows an event begins after users have connected, or after another fault.
        timed = (fault for fault in faults if not isinstance(fault.at, AfterEvent))
        first_fault_s = min((fault.begins_s for fault in timed), default=math.inf)
        self._first_fault_ns = now_ns() + first_fault_s * NS_PER_S
        self._first_attempt_ns = 0
        self._first_failure_ns = 0
        self._failures: Counter[str] = Counter()  # by reason

    def record_attempt(self) -> None:
        """A session starts to connect; the first attempt starts the clock."""
        self._first_attempt_ns = self._first_attempt_ns or self._now_ns()

    def record_failure(self, reason: str) -> None:
        """An attempt failed, for a reason in the words of `describe_error`."""
        if not self.connected:
            self._first_failure_ns = self._first_failure_ns or self._now_ns()
            if reason in self._failures or len(self._failures) < _REASONS_MAX:
                self._failures[reason] += 1

    @property
    def never_connected(self) -> bool:
        """Whether attempts were made and none ever succeeded."""
        return not self.connected and self._first_attempt_ns > 0

    @property
    def should_give_up(self) -> bool:
        """Whether no user has connected for `PATIENCE_S`, although no fault can be the reason."""
        waited_ns = self._now_ns() - self._first_attempt_ns
        if not self.never_connected or waited_ns < PATIENCE_S * NS_PER_S:
            return False
        return self._since_ns < self._first_fault_ns

    @property
    def summary(self) -> str:
        """`no user could connect to http://… in 12 s: connection refused (84 times)`."""
        waited_s = (self._now_ns() - self._first_attempt_ns) / NS_PER_S
        reasons = ", ".join(
            f"{reason} ({_times(count)})"
            for reason, count in self._failures.most_common(_REASONS_SHOWN)
        )
        return f"no user could connect to {self._api} in {waited_s:.0f} s: {reasons or 'no answer'}"

    def write(self, journal: Journal) -> None:
        """Write the row `unreachable` if no attempt succeeded."""
        if self.never_connected:
            journal.write(
                "unreachable",
                since_ns=self._since_ns,
                reason=self.summary,
                troubles=dict(self._failures),
            )

    @property
    def _since_ns(self) -> int:
        return self._first_failure_ns or self._first_attempt_ns


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def describe_error(error: BaseException) -> str:
    """Return a reason for a failed attempt, in the same words for all failures of one kind."""
    if isinstance(error, ConfigError):  # an address of the server that must not be dialled
        return str(error)
    cause = error.__cause__ or error
    if isinstance(cause, ConfigError):
        return str(cause)
    for kind, reason in _KNOWN_ERRORS:
        if isinstance(cause, kind):
            return reason
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    text = str(cause)
    return "no answer in time" if text == "TimeoutError" else text or type(cause).__name__


_KNOWN_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, "no answer in time"),
    (ConnectionResetError, "connection reset"),
)
