"""One user's sends: a queue for each conversation, with at most one send in flight. Pure.

A send that was not answered is tried again under the same `client_msg_id`, after a backoff with
full jitter, until `give_up_after`; where that could store it twice (no IDEMPOTENT_SEND), it is
waited for instead. It ends acked; rejected, if every attempt was answered with
`stored: "no"`; or unknown.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal

import msgspec

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind
from gauntlet.core.scenario.capabilities import IDEMPOTENT_SEND
from gauntlet.scenarios.adapters.base import Sent
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.workloads.entities import Op

_BASE_MS = 100
_CAP_MS = 2_000
Ended = Callable[[Literal["acked", "rejected", "unknown"], int], None]


class Send(msgspec.Struct):
    """One op on its way; `gateway` is where its last attempt went."""

    op: Op
    intended_ns: int
    body: str
    attempts: int = 0
    first_ns: int = 0
    gateway: int = 0
    in_flight: bool = False
    doubtful: bool = False  # an attempt may have left something behind
    backoff: Backoff | None = None  # most never need one
    ended: Ended | None = None

    def client_msg_id(self, mark: str) -> str:
        """The op's identity, the same in every attempt, and of no other run with its mark."""
        return f"{mark}{self.op.conv.number}.{self.op.author}.{self.op.sseq}"


class SendQueue:
    """A user's queues, by conversation number. The first of a queue is the one in flight."""

    def __init__(self, context: Context, request_channel: RequestChannel, rng: Random) -> None:
        self._context = context
        self._request_channel = request_channel
        self._rng = rng
        self._queues: dict[int, deque[Send]] = {}
        self._idempotent = IDEMPOTENT_SEND in context.adapter.capabilities
        self._mark = f"{payload.MARK}.{context.tag}"
        record = context.latencies.record
        self._record_lag, self._record_response = record["lag"], record["response"]
        self._record_service = record["service"]
        limits = context.limits
        self._attempt_ns = (
            limits.attempt_timeout_ns if self._idempotent else limits.give_up_after_ns
        )

    def submit(
        self, op: Op, intended_ns: int, text: str | None = None, ended: Ended | None = None
    ) -> None:
        """Take an op over; it is sent as soon as those before it have ended.

        Its body is padding, or carries `text`. `ended` hears how it ended, and at what position.
        """
        context = self._context
        now_ns = context.now_ns()
        context.ledger.submit()
        self._record_lag(now_ns - intended_ns)
        conv, author = op.conv.number, op.author
        if text is None:
            size = context.limits.body_bytes
            body = context.bodies.build(conv, author, op.sseq, intended_ns, size)
        else:
            body = payload.carry(conv, author, op.sseq, intended_ns, text)
        send = Send(op, intended_ns, body, ended=ended)
        self._record(Kind.OP, send, now_ns)
        queue = self._queues.get(conv)
        if queue is None:
            queue = self._queues[conv] = deque()
        queue.append(send)
        if len(queue) == 1:
            self._attempt(send)

    def waiting(self, conv: int) -> int:
        """How many sends in a conversation have not ended, the one in flight included."""
        return len(self._queues.get(conv, ()))

    def abandon(self) -> None:
        """End everything that is under way: nobody waits for it any more."""
        for queue in self._queues.values():
            while queue:
                self._end(queue[0])
                queue.popleft()

    def _attempt(self, send: Send) -> None:
        if not self._is_current(send):
            return
        context, op = self._context, send.op
        now_ns = context.now_ns()
        if send.attempts == 0:
            send.first_ns = now_ns
        send.attempts += 1
        send.in_flight = True
        send.gateway = self._request_channel.gateway
        self._record(Kind.ATTEMPT, send, now_ns, spare=send.attempts)
        call = self._request_channel.codec.send(
            op.conv.name, send.client_msg_id(self._mark), send.body
        )
        self._request_channel.call(call, self._attempt_ns, partial(self._answered, send))

    def _answered(self, send: Send, sent: Sent | None) -> None:
        if not self._is_current(send):
            return  # given up meanwhile
        send.in_flight = False
        read = sent or Sent("unknown")
        if read.stored == "yes":
            self._acked(send, read.seq)
            return
        if read.stored == "unknown":
            send.doubtful = True
        if read.temporary and (self._idempotent or read.stored == "no"):
            self._request_channel.switch_gateway(send.gateway)
            if self._retry(send, int(read.retry_after_s * NS_PER_S)):
                return
        self._end(send)
        self._next(send)

    def _retry(self, send: Send, least_ns: int) -> bool:
        """Try again after a backoff, unless it would be given up before."""
        if send.backoff is None:
            send.backoff = Backoff(self._rng, _BASE_MS, _CAP_MS)
        wait_ns = max(least_ns, send.backoff.next_ns())
        left_ns = send.first_ns + self._context.limits.give_up_after_ns - self._context.now_ns()
        if wait_ns >= left_ns:
            return False
        self._context.after(wait_ns, lambda: self._attempt(send))
        return True

    def _acked(self, send: Send, seq: int) -> None:
        context = self._context
        now_ns = context.now_ns()
        self._record(Kind.ACK, send, now_ns, seq=seq, spare=send.attempts)
        context.ledger.ack(send.op)
        self._record_response(now_ns - send.intended_ns)
        self._record_service(now_ns - send.first_ns)
        if send.ended is not None:
            send.ended("acked", seq)
        self._next(send)

    def _end(self, send: Send) -> None:
        """End a send without an ack. What was never answered is a sample of its age, at least."""
        context, now_ns = self._context, self._context.now_ns()
        unknown = send.doubtful or send.in_flight
        if unknown or send.attempts == 0:
            self._record_response(now_ns - send.intended_ns)
        if unknown:
            self._record_service(now_ns - send.first_ns)
            self._record(Kind.UNKNOWN, send, now_ns, spare=send.attempts)
            context.ledger.give_up()
        else:
            self._record(Kind.REJECT, send, now_ns, spare=send.attempts)
            context.ledger.reject()
        if send.ended is not None:
            send.ended("unknown" if unknown else "rejected", 0)

    def _next(self, send: Send) -> None:
        queue = self._queues[send.op.conv.number]
        queue.popleft()
        if queue:
            self._attempt(queue[0])

    def _is_current(self, send: Send) -> bool:
        queue = self._queues[send.op.conv.number]
        return bool(queue) and queue[0] is send

    def _record(self, kind: Kind, send: Send, now_ns: int, seq: int = 0, spare: int = 0) -> None:
        op = send.op
        connection_number = self._request_channel.connection_number
        self._context.sink.add(
            kind,
            now_ns,
            send.intended_ns,
            op.conv.number,
            connection_number,
            op.author,
            op.sseq,
            seq,
            0,
            spare,
        )
