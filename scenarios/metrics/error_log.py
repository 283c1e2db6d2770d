"""Counts what went wrong between the load and the system, in the words of both. Pure.

The most frequent errors are shown in terminal, report and `result.json`: an author of an adapter
finds there why no user could connect, and an SRE what the system answered.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal

# What an error concerns; docs/reference/run-directory.md explains them.
CONNECT = "connect"  # a connection could not be opened
CLOSE = "close"  # the server closed a connection, or it was lost
HTTP = "http"  # a request had no answer, or one with an error status
REFUSED = "refused"  # the server refused a user or a call, by its protocol
PROTOCOL = "protocol"  # the server sent what its protocol does not define
INBOX = "inbox"  # a push was not kept, because too many wait for earlier ones
ADAPTER = "adapter"  # the adapter raised an exception
TASK = "task"  # a task of a Locust user raised an exception

_TEXT_MAX = 300
_DISTINCT_MAX = 200
# Seconds in which errors are counted apart, of all kinds together; an hour of errors every second.
_SECONDS_MAX = 3_600
# Parts that differ between errors of one kind: ids, times, counters.
_VARIABLE = re.compile(r"[0-9a-f]{8,}|\d{3,}", re.IGNORECASE)
# Digits after these words are what an error is about, and no id.
_STATUS = re.compile(r"^(HTTP|closed with) (\d+)")


@dataclass(slots=True)
class ErrorCount:
    """Errors of one kind: the text of the first one, how many there were, and when.

    `seconds` counts them by the second of the clock, as long as there is room. Errors that it
    lacks occurred between `first_ns` and `last_ns`.
    """

    kind: str
    text: str
    count: int
    first_ns: int
    last_ns: int
    seconds: dict[int, int] = field(default_factory=dict)


class ErrorLog:
    """The errors of one worker, by kind and text; texts that differ in ids only count as one.

    A server may repeat in its answer what it was sent, so `scrub` removes secrets from the texts.
    """

    def __init__(
        self, now_ns: Callable[[], int], scrub: Callable[[str], str] = lambda text: text
    ) -> None:
        self._now_ns = now_ns
        self._scrub = scrub
        self._counts: dict[tuple[str, str], ErrorCount] = {}
        self._seconds = 0  # entries of all `seconds`
        self._listener: Callable[[str], None] = lambda _: None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Pass the text of every error to a listener, too."""
        self._listener = listener

    def record(self, kind: str, text: str) -> None:
        """Count an error; a server may write anything, so that texts are cut and bounded."""
        now_ns = self._now_ns()
        text = self._scrub(text)[:_TEXT_MAX]
        self._listener(text)
        key = (kind, _essence(text))
        count = self._counts.get(key)
        if count is None and len(self._counts) >= _DISTINCT_MAX:
            key, text = (kind, ""), "other errors"
            count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = ErrorCount(kind, text, 0, now_ns, now_ns)
        count.count += 1
        count.last_ns = now_ns
        second = now_ns // NS_PER_S
        if second in count.seconds:
            count.seconds[second] += 1
        elif self._seconds < _SECONDS_MAX:
            count.seconds[second] = 1
            self._seconds += 1

    def counts(self) -> list[ErrorCount]:
        """Return all errors, the most frequent ones first."""
        return sorted(self._counts.values(), key=lambda count: -count.count)

    def write(self, journal: Journal) -> None:
        """Write one row `error-count` for each kind of error.

        `pattern` is the text without what differs between errors of one kind, so that a reader can
        add up the rows of several workers.
        """
        for count in self.counts():
            journal.write(
                "error-count",
                concerns=count.kind,
                text=count.text,
                pattern=_essence(count.text),
                count=count.count,
                first_ns=count.first_ns,
                last_ns=count.last_ns,
                seconds=sorted(count.seconds.items()),
            )


def _essence(text: str) -> str:
    status = _STATUS.match(text)
    start = status.end() if status else 0
    return text[:start] + _VARIABLE.sub("#", text[start:])


def describe_exception(error: BaseException) -> str:
    """Return an exception of an adapter with the place in its file: `KeyError: 'id' (mine.py:12)`.

    The place is the deepest one outside of Gauntlet and the standard library's json, if any.
    """
    traceback, place = error.__traceback__, ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            place = f" ({code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return f"{type(error).__name__}: {error}{place}"


_LIBRARIES = frozenset({"json", "asyncio", "msgspec"})
