"""Removes from a JetStream stream what a run has written, and the stream if the run created it.

The messages of conversations that nothing else can have written to are purged. In all others, the
messages that the run has written are deleted one by one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gauntlet.scenarios.adapters import nats_protocol as protocol
from gauntlet.scenarios.adapters.base import (
    Answer,
    Binary,
    Call,
    Event,
    EventBatch,
    OverSocket,
    Removal,
    Removed,
    RunData,
    SendFrames,
)
from gauntlet.scenarios.adapters.nats_protocol import Message

STREAM = "stream"
_MESSAGES = "messages of a conversation"
_NOT_FOUND = 10059  # the stream
_BATCH = 256  # messages that are read at a time
_DIRECT_END, _DIRECT_NOTHING = "204", "404"

# Returns the frame of a request of the API: its call, the part of the reply that identifies it, and
# its content.
MakeRequest = Callable[[str, str, Mapping[str, Any] | None], Binary]


class _Sweep:
    """Messages of a run that are being deleted from a subject that others use as well."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.found: list[int] = []  # of the page that is being read
        self.last = 0  # position of the last message read
        self.pending = 0  # deletions without an answer
        self.deleted = 0
        self.more = False
        self.problem = ""


class StreamCleanUp:
    """The clean-up by one user. Answers to its requests are passed to `on_answer`."""

    def __init__(
        self, stream: str, data: RunData, subject: Callable[[str], str], request: MakeRequest
    ) -> None:
        self._stream = stream
        self._data = data
        self._subject = subject
        self._request = request
        self._sweeps: dict[str, _Sweep] = {}  # by conversation

    def removals(self) -> list[Removal]:
        """Return what can be removed."""
        removals = [
            *(Removal(_MESSAGES, conv, partial(self._purge, conv)) for conv in self._own),
            *(Removal(_MESSAGES, conv, partial(self._sweep, conv)) for conv in self._data.shared),
        ]
        if (STREAM, self._stream) in self._data.created:
            removals.append(Removal(STREAM, self._stream, self._delete_if_empty, last=True))
        return removals

    @property
    def _own(self) -> Mapping[str, Any]:
        return self._data.conversations

    def _purge(self, conv: str) -> Call[Removed]:
        subject = {"filter": self._subject(conv)}
        return self._call(f"STREAM.PURGE.{self._stream}", "purge", conv, subject)

    def _delete_if_empty(self) -> Call[Removed]:
        return self._call(f"STREAM.INFO.{self._stream}", "info", STREAM, None)

    def _call(
        self, call: str, step: str, about: str, content: Mapping[str, Any] | None
    ) -> Call[Removed]:
        reply = f"{step}.{about.encode().hex()}"
        return OverSocket(_ticket(about), (self._request(call, reply, content),))

    def _sweep(self, conv: str) -> Call[Removed]:
        self._sweeps[conv] = _Sweep(self._subject(conv))
        return OverSocket(_ticket(conv), (self._read_page(conv),))

    def _read_page(self, conv: str) -> Binary:
        sweep = self._sweeps[conv]
        sweep.found, sweep.more = [], False
        page = {"seq": sweep.last + 1, "next_by_subj": sweep.subject, "batch": _BATCH}
        return self._request(f"DIRECT.GET.{self._stream}", f"page.{conv.encode().hex()}", page)

    def on_answer(self, reply: str, message: Message) -> Event:
        """Return what the answer to a request means."""
        step, _, about = reply.partition(".")
        name = bytes.fromhex(about).decode()
        if step == "page":
            return self._on_page(name, message)
        if message.status:
            return _end(name, Removed(0, problem=_unavailable(message.status)))
        answer = protocol.read_json(message.body)
        error = answer.get("error")
        if step == "erase":
            return self._on_erased(name, error)
        if error is not None:
            gone = error.get("err_code") == _NOT_FOUND
            return _end(name, Removed(0, problem="" if gone else str(error.get("description"))))
        if step == "info":
            return self._on_info(answer)
        return _end(name, Removed(int(answer.get("purged", 1))))

    def _on_info(self, answer: Mapping[str, Any]) -> Event:
        left = int(answer["state"]["messages"])
        if left:
            return _end(STREAM, Removed(0, kept=f"it holds {left:,} messages of others"))
        reply = f"delete.{STREAM.encode().hex()}"
        return SendFrames((self._request(f"STREAM.DELETE.{self._stream}", reply, None),))

    def _on_page(self, conv: str, message: Message) -> Event:
        sweep = self._sweeps[conv]
        if not message.status:
            sweep.last = int(message.headers.get("nats-sequence", "0"))
            sweep.more = int(message.headers.get("nats-num-pending", "0")) > 0
            if self._data.wrote(message.body.decode(errors="replace")):
                sweep.found.append(sweep.last)
            return EventBatch()
        if message.status not in (_DIRECT_END, _DIRECT_NOTHING):
            # 503 means that there is no such stream, or none that allows direct reads.
            gone = message.status == "503"
            return _end(conv, Removed(0, problem="" if gone else _unavailable(message.status)))
        sweep.pending = len(sweep.found)
        if not sweep.found:
            return self._after_page(conv)
        reply = f"erase.{conv.encode().hex()}"
        call = f"STREAM.MSG.DELETE.{self._stream}"
        return SendFrames(tuple(self._request(call, reply, {"seq": seq}) for seq in sweep.found))

    def _on_erased(self, conv: str, error: Mapping[str, Any] | None) -> Event:
        sweep = self._sweeps[conv]
        sweep.pending -= 1
        sweep.deleted += error is None
        if error is not None:
            sweep.problem = str(error.get("description"))
        return EventBatch() if sweep.pending else self._after_page(conv)

    def _after_page(self, conv: str) -> Event:
        sweep = self._sweeps[conv]
        if sweep.more:
            return SendFrames((self._read_page(conv),))
        return _end(conv, Removed(sweep.deleted, problem=sweep.problem))


def _ticket(about: str) -> str:
    return f"clean-{about}"


def _end(about: str, removed: Removed) -> Event:
    return Answer(_ticket(about), removed)


def _unavailable(status: str) -> str:
    return f"JetStream is not available (status {status})"
