"""NATS with JetStream: one stream holds the messages of all conversations.

- **Acknowledged**: the answer of the stream, which has then stored the message. The stream drops a
  message with a known `Nats-Msg-Id`, so that sends can be repeated.
- **Delivery**: each connection creates an ordered consumer of the user's subjects, which begins
  after the last message that the user has received; that is how a session is resumed.
- **Ids** of entries are the sequence numbers of the stream, which are not dense in a conversation,
  with the time at which the stream was created: a stream that was lost and created again begins at
  1.
- **History** is read with direct gets, up to a page in one request.
- **Clean-up** removes the run's messages, and the stream if the run created it and nothing else is
  in it (`nats_clean_up`). Consumers end by themselves, a minute after their connection.
"""

import secrets
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import nats_protocol as protocol
from gauntlet.scenarios.adapters.base import (
    Account,
    Answer,
    Binary,
    Call,
    Created,
    Entry,
    Event,
    EventBatch,
    OverSocket,
    Page,
    ProtocolError,
    Removal,
    RunData,
    SendFrames,
    Sent,
)
from gauntlet.scenarios.adapters.nats import NOTHING, Codec, Nats
from gauntlet.scenarios.adapters.nats_clean_up import STREAM, StreamCleanUp
from gauntlet.scenarios.adapters.nats_protocol import Message

API = "$JS.API"
NS_PER_S = 1_000_000_000
_HEARTBEAT_S = 5
_STREAM_NOT_FOUND = 10059
_NAME_IN_USE = 10058
_BATCH_BYTES_MAX = 4 * 2**20  # of one page


class _Send(NamedTuple):
    """A message that the stream has not acknowledged."""

    conv: str
    client_msg_id: str
    body: str


class _Reading(NamedTuple):
    """A page that is being read."""

    entries: list[Entry]
    left: list[int]  # how many entries follow those received so far, as the server says


class JetStreamCodec(Codec):
    """The session of one user with JetStream, over all of its connections."""

    echo = True

    def __init__(self, adapter: Nats, account: Account, device: str) -> None:
        super().__init__(adapter, account, device)
        # Unlike those of all other clients, and of earlier runs.
        self._run = secrets.token_hex(8)
        self._inbox = f"_INBOX.{self._run}.answers"
        self._numbers = count(1)
        self._created = ""  # when the stream was created: its incarnation
        self._last = 0  # the last message of the stream that was received, or that came before us
        self._consumer = self._deliver_subject = ""
        self._delivered = 0  # how many messages that consumer has sent
        self._sends: dict[str, _Send] = {}  # without an acknowledgement, by ticket
        self._readings: dict[str, _Reading] = {}
        self._waiting_reads: dict[str, tuple[str, str, int]] = {}
        self._cleaning: StreamCleanUp | None = None

    # Methods of the session.

    def lost(self) -> None:
        self.up = False
        self._readings.clear()  # an answer cannot arrive any more

    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        send = self._sends[client_msg_id] = _Send(conv, client_msg_id, body)
        return OverSocket(client_msg_id, (self._publish(send),) if self.up else ())

    def _publish(self, send: _Send) -> Binary:
        reply = f"{self._inbox}.s.{send.client_msg_id}"
        return self.message(send.conv, send.client_msg_id, send.body, reply)

    def history(self, conv: str, after: base.Cursor, limit: int) -> Call[Page]:
        ticket = f"page{next(self._numbers)}"
        if not self.up:
            self._waiting_reads[ticket] = (conv, str(after), limit)
            return OverSocket(ticket, ())
        return OverSocket(ticket, (self._read_page(ticket, conv, str(after), limit),))

    def _read_page(self, ticket: str, conv: str, after: str, limit: int) -> Binary:
        self._readings[ticket] = _Reading([], [])
        created, _, position = after.rpartition("/")
        first = int(position) + 1 if position and created == self._created else 1
        request = {
            "seq": first,
            "next_by_subj": self.adapter.subject(conv),
            "batch": limit,
            "max_bytes": _BATCH_BYTES_MAX,
        }
        return self._request(f"DIRECT.GET.{self.adapter.stream}", f"h.{ticket}", request)

    def _request(self, call: str, reply: str, body: Mapping[str, Any] | None = None) -> Binary:
        content = b"" if body is None else msgspec.json.encode(body)
        return Binary(protocol.publish(f"{API}.{call}", content, f"{self._inbox}.{reply}"))

    # Connecting: find or create the stream, then create the consumer.

    def subscriptions(self) -> list[bytes]:
        return [protocol.subscribe(f"{self._inbox}.>", 1)]  # the answers to requests

    def on_ready(self) -> Event:
        if self._cleaning is not None:  # without a consumer, and without creating a stream
            return super().on_ready()
        return SendFrames((self._request(f"STREAM.INFO.{self.adapter.stream}", "stream"),))

    def _on_stream(self, message: Message) -> Event:
        answer = _answer(message)
        code = answer.get("error", {}).get("err_code")
        name = self.adapter.stream
        if code == _STREAM_NOT_FOUND:
            return SendFrames((self._request(f"STREAM.CREATE.{name}", "stream", self._config()),))
        if code == _NAME_IN_USE:  # another client was first
            return self.on_ready()
        if code is not None:
            raise ProtocolError(f"stream {name}: {answer['error'].get('description')}")
        begin = self._begin_consumer(str(answer["created"]), int(answer["state"]["last_seq"]))
        return EventBatch((Created(STREAM, name), begin)) if answer.get("did_create") else begin

    def _config(self) -> dict[str, Any]:
        return {
            "name": self.adapter.stream,
            "subjects": [f"{self.adapter.prefix}.>"],
            "storage": self.adapter.storage,
            "retention": "limits",
            "discard": "old",
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "allow_direct": True,
            "num_replicas": 1,
            "duplicate_window": 120 * NS_PER_S,
        }

    def _begin_consumer(self, created: str, last: int) -> Event:
        if created != self._created:
            # A new stream begins at 1, and everything in it was sent after the old one was lost.
            self._last = 0 if self._created else last
        resumable, self._created = created == self._created, created
        return self._create_consumer("resumed" if resumable else "new")

    def _create_consumer(self, outcome: str) -> Event:
        """Create a consumer that begins after the last message received."""
        number = next(self._numbers)
        # Unlike the names of other runs, whose consumers may still exist.
        self._consumer = f"{self._run}-{number}"
        self._deliver_subject, self._delivered = f"_INBOX.{self._run}.{number}", 0
        stream = self.adapter.stream
        config = {
            "name": self._consumer,
            "deliver_subject": self._deliver_subject,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._last + 1,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "flow_control": True,
            "idle_heartbeat": _HEARTBEAT_S * NS_PER_S,
            "inactive_threshold": 60 * NS_PER_S,
            "filter_subjects": self.subjects or [f"{self.adapter.prefix}.-"],
        }
        request = {"stream_name": stream, "config": config, "action": ""}
        call = f"CONSUMER.CREATE.{stream}.{self._consumer}"
        create = self._request(call, f"c.{outcome}", request)
        # A consumer sends only to a subject with a subscription of its own, not to a wildcard's.
        subscribe = Binary(protocol.subscribe(self._deliver_subject, number + 1))
        return SendFrames((subscribe, create))

    def _on_consumer(self, outcome: str, message: Message) -> Event:
        answer = _answer(message)
        if "error" in answer:
            raise ProtocolError(f"consumer: {answer['error'].get('description')}")
        if self.up:
            return NOTHING  # it replaces a consumer that had a gap
        self.up = True
        frames = [self._publish(send) for send in self._sends.values()]
        reads, self._waiting_reads = self._waiting_reads, {}
        frames += [self._read_page(ticket, *page) for ticket, page in reads.items()]
        return EventBatch((SendFrames(tuple(frames)), self.greeting(resumed=outcome == "resumed")))

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal]:
        adapter = self.adapter
        self._cleaning = StreamCleanUp(
            adapter.stream,
            data,
            adapter.subject,
            lambda call, reply, content: self._request(call, f"x.{reply}", content),
        )
        return self._cleaning.removals()

    # Messages.

    def on_message(self, message: Message) -> Event:
        if message.reply.startswith("$JS.ACK."):  # its subject is that of the conversation
            return self._on_delivery(message)
        if message.subject == self._deliver_subject:
            return self._on_status(message)
        kind, _, rest = message.subject[len(self._inbox) + 1 :].partition(".")
        match kind:
            case "s":
                return self._on_sent(rest, message)
            case "h":
                return self._on_history(rest, message)
            case "c":
                return self._on_consumer(rest, message)
            case "stream":
                return self._on_stream(message)
            case "x" if self._cleaning is not None:
                return self._cleaning.on_answer(rest, message)
        return NOTHING  # of a consumer that was replaced

    def _on_delivery(self, message: Message) -> Event:
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>, and
        # with two more words after $JS.ACK between accounts.
        words = message.reply.split(".")
        try:
            consumer, position, number = words[-6], int(words[-4]), int(words[-3])
        except (IndexError, ValueError) as error:
            raise ProtocolError(f"no acknowledgement subject: {message.reply!r}") from error
        if consumer != self._consumer:
            return NOTHING  # it was replaced
        if number != self._delivered + 1:
            return self._create_consumer("replaced")
        self._delivered, self._last = number, position
        return self.entry(message, message.subject, self._id(position))

    def _on_status(self, message: Message) -> Event:
        """Answer flow control; a heartbeat shows whether the last messages were lost on the way."""
        last = message.headers.get("nats-last-consumer")
        if last is not None and last != str(self._delivered):
            return self._create_consumer("replaced")
        stalled = message.headers.get("nats-consumer-stalled") or message.reply
        return SendFrames((Binary(protocol.publish(stalled)),)) if stalled else NOTHING

    def _on_sent(self, ticket: str, message: Message) -> Event:
        if message.status:  # 503: no stream listens to the subject
            return Answer(ticket, Sent("no"))
        self._sends.pop(ticket, None)
        answer = protocol.read_json(message.body)
        if "error" in answer:
            temporary = int(answer["error"].get("code", 0)) in (429, 503)
            return Answer(ticket, Sent("no", temporary=temporary))
        return Answer(ticket, Sent("yes"))

    def _on_history(self, ticket: str, message: Message) -> Event:
        reading = self._readings.get(ticket)
        if reading is None:
            return NOTHING
        if message.status == "404":
            return self._end_page(ticket, Page([]))
        if message.status == "204":
            more = int(message.headers.get("nats-num-pending", "0")) > 0
            return self._end_page(ticket, Page(reading.entries, more=more))
        if message.status:
            return self._end_page(ticket, None)
        headers = message.headers
        position = self._id(int(headers.get("nats-sequence", "0")))
        reading.entries.append(self.entry(message, headers.get("nats-subject", ""), position))
        return NOTHING

    def _end_page(self, ticket: str, page: Page | None) -> Event:
        del self._readings[ticket]
        return Answer(ticket, page)

    def _id(self, position: int) -> str:
        return f"{self._created}/{position}"


def _answer(message: Message) -> dict[str, Any]:
    if message.status:
        raise ProtocolError(f"JetStream is not available (status {message.status})")
    return protocol.read_json(message.body)
