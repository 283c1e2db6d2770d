"""Records a history line by line, with the present time, in the format of JSON Lines."""

import json
import operator
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Id = str | int


class Recorder:
    """Writes what a test sees of a chat system; any key of a line can be given by its name.

    Each method records that something happened now, unless `time` (in nanoseconds) is given.
    """

    def __init__(self, folder: Path, now_ns: Callable[[], int], **header: Any) -> None:
        self.folder = folder
        self.file = folder / "im-history.jsonl"
        self.is_empty = True
        self._now_ns = now_ns
        self._header: dict[str, Any] = {"time": "ns", "name": "test", **header}
        self._stream = self.file.open("w", encoding="utf-8")

    def declare(self, **header: Any) -> None:
        """Add keys of the header, such as `capabilities` or `require`, before anything else."""
        if not self.is_empty:
            raise ValueError("declare() must be called before anything is recorded")
        self._header |= header

    def member(self, user: Id, conversation: Id, **keys: Any) -> None:
        """A user may read a conversation, and has to receive its messages."""
        self.add("member", user=user, conversation=conversation, **keys)

    def send(self, user: Id, conversation: Id, message: Id, **keys: Any) -> None:
        """A user begins to send a message."""
        self._add_now("send", user=user, conversation=conversation, message=message, **keys)

    def ack(self, user: Id, conversation: Id, message: Id, **keys: Any) -> None:
        """The system has acknowledged a message."""
        self._add_now("ack", user=user, conversation=conversation, message=message, **keys)

    def reject(self, user: Id, conversation: Id, message: Id, **keys: Any) -> None:
        """The system has refused a message."""
        self._add_now("reject", user=user, conversation=conversation, message=message, **keys)

    def deliver(self, user: Id, conversation: Id, message: Id, **keys: Any) -> None:
        """A user has received a message."""
        self._add_now("deliver", user=user, conversation=conversation, message=message, **keys)

    def read(
        self,
        user: Id,
        conversation: Id,
        messages: Iterable[Any],
        *,
        complete: bool = False,
        **keys: Any,
    ) -> None:
        """A user has read these messages from the history, the whole of it if `complete`."""
        self._add_now(
            "read",
            user=user,
            conversation=conversation,
            messages=list(messages),
            complete=complete,
            **keys,
        )

    def connect(self, user: Id, **keys: Any) -> None:
        """A user has connected."""
        self._add_now("connect", user=user, **keys)

    def disconnect(self, user: Id, **keys: Any) -> None:
        """A user's connection has ended."""
        self._add_now("disconnect", user=user, **keys)

    def add(self, kind: str, **keys: Any) -> None:
        """Record a line of any kind."""
        line = _line({"kind": kind, **keys})
        if self.is_empty:
            self._stream.write(_line({"kind": "header", **self._header}))
            self.is_empty = False
        self._stream.write(line)
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _add_now(self, kind: str, **keys: Any) -> None:
        self.add(kind, **{"time": self._now_ns(), **keys})


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, default=_plain) + "\n"


def _plain(value: Any) -> str | int:
    """Return an id of a type that tests often use and JSON does not know."""
    if isinstance(value, uuid.UUID):
        return str(value)
    try:
        return operator.index(value)  # such as the integers of NumPy
    except TypeError:
        raise TypeError(
            f"im_history must be given strings, numbers, lists and mappings; got {value!r:.80}"
        ) from None
