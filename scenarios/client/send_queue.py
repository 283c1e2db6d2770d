"""One user's sends: a queue per conversation, with at most one send in flight. Pure.

A send without an answer is retried under the same `client_msg_id`, after a backoff with full
jitter, until `give_up_after`. Where a retry could store the message twice (no IDEMPOTENT_SEND), the
client waits for the answer instead. A send ends acked; rejected, if every attempt was answered with
`stored: "no"`; or unknown.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal, final

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Flag, Kind, NamedFlag, StampFlag, id_digest
from gauntlet.core.scenario.capabilities import IDEMPOTENT_SEND
from gauntlet.scenarios.adapters.base import OverHttp, Sent
from gauntlet.scenarios.adapters.limits import check_sent
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.workloads.entities import Op

# Plain integers, because members of an enumeration are slow to look up and to pack.
_OP, _ATTEMPT, _ACK = int(Kind.OP), int(Kind.ATTEMPT), int(Kind.ACK)
_BACKOFF_BASE_MS = 100
_BACKOFF_CAP_MS = 2_000
# Called with the outcome of a send and its position (0 unless acked).
OnEnded = Callable[[Literal["acked", "rejected", "unknown"], int], None]


@final
class PendingSend:
    """One op that has not ended; `gateway` received its last attempt."""

    __slots__ = (
        "attempts",
        "backoff",
        "body",
        "first_ns",
        "gateway",
        "in_flight",
        "intended_ns",
        "maybe_stored",
        "on_ended",
        "op",
    )

    def __init__(self, op: Op, intended_ns: int, body: str, on_ended: OnEnded | None) -> None:
        self.op = op
        self.intended_ns = intended_ns
        self.body = body
        self.attempts = 0
        self.first_ns = 0
        self.gateway = 0
        self.in_flight = False
        self.maybe_stored = False  # an attempt that ended may have stored the message
        self.backoff: Backoff | None = None  # created at the first retry: most sends need none
        self.on_ended = on_ended


class SendQueue:
    """A user's sends by conversation number: the first of each, which is in flight, and the others.

    Most users have one conversation and one send in it, or none: a queue exists only as long as
    sends wait behind the first.
    """

    __slots__ = (
        "_attempt_ns",
        "_context",
        "_first",
        "_held",
        "_idempotent",
        "_over_socket",
        "_record_lag",
        "_record_response",
        "_record_service",
        "_request_channel",
        "_rng",
        "_waiting",
    )

    def __init__(self, context: Context, request_channel: RequestChannel, rng: Random) -> None:
        self._context = context
        self._request_channel = request_channel
        self._rng = rng
        self._first: dict[int, PendingSend] = {}
        self._waiting: dict[int, deque[PendingSend]] = {}
        self._held: tuple[PendingSend, ...] = ()  # waiting for a connection
        self._over_socket = False  # sends go over the connection, as the last one did
        self._idempotent = IDEMPOTENT_SEND in context.adapter.capabilities
        record = context.latencies.record
        self._record_lag, self._record_response = record["lag"], record["response"]
        self._record_service = record["service"]
        limits = context.limits
        self._attempt_ns = (
            limits.attempt_timeout_ns if self._idempotent else limits.give_up_after_ns
        )

    def submit(
        self, op: Op, intended_ns: int, text: str | None = None, on_ended: OnEnded | None = None
    ) -> None:
        """Accept an op, which is sent when the earlier ones of its conversation have ended.

        Its body is padding, or carries `text` or the text of the op. `on_ended` is called once.
        """
        context = self._context
        now_ns = context.now_ns()
        context.ledger.submit()
        self._record_lag(now_ns - intended_ns)
        conv, author = op.conv.number, op.author
        text = op.text if text is None else text
        if text is None:
            size = op.body_bytes or context.limits.body_bytes
            body = context.bodies.build(conv, author, op.sseq, intended_ns, size)
        else:
            body = context.bodies.wrap_text(conv, author, op.sseq, intended_ns, text)
        send = PendingSend(op, intended_ns, body, on_ended)
        self._record(_OP, send, now_ns)
        if conv not in self._first:
            self._first[conv] = send
            self._attempt(send)
        elif conv in self._waiting:
            self._waiting[conv].append(send)
        else:
            self._waiting[conv] = deque((send,))

    def pending(self, conv: int) -> int:
        """Return how many sends in a conversation have not ended, including the one in flight."""
        if conv not in self._first:
            return 0
        return 1 + len(self._waiting.get(conv, ()))

    def abandon(self) -> None:
        """End all sends without waiting for their answers."""
        self._held = ()
        for conv in list(self._first):
            while conv in self._first:
                self._end_unacked(self._first[conv])
                self._remove_first(conv)

    def _attempt(self, send: PendingSend) -> None:
        if not self._is_current(send):
            return
        if self._over_socket and self._request_channel.connection is None:
            self._held += (send,)
            return
        context, op = self._context, send.op
        now_ns = context.now_ns()
        if send.attempts == 0:
            send.first_ns = now_ns
        send.attempts += 1
        send.in_flight = True
        send.gateway = self._request_channel.gateway
        self._record(_ATTEMPT, send, now_ns, spare=send.attempts)
        client_msg_id = self._client_msg_id(send)
        channel = self._request_channel
        try:
            call = channel.codec.send(op.conv.name, client_msg_id, send.body)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            channel.record_error(error)
            self._on_sent(send, Sent("no", temporary=False))  # nothing was sent
            return
        self._over_socket = not isinstance(call, OverHttp)
        channel.call(call, self._attempt_ns, partial(self._on_sent, send), check_sent)

    def send_held(self) -> None:
        """Attempt the sends that waited for a connection; called when there is one."""
        held, self._held = self._held, ()
        for send in held:
            self._attempt(send)

    def _on_sent(self, send: PendingSend, sent: Sent | None) -> None:
        if not self._is_current(send):
            return  # it was abandoned meanwhile
        send.in_flight = False
        outcome = sent or Sent("unknown")
        if outcome.stored == "yes":
            self._end_acked(send, outcome)
            return
        if outcome.stored == "handed-over":
            self._end_acked(send, outcome, Flag.HANDED_OVER)
            return
        if outcome.stored == "unknown":
            send.maybe_stored = True
        if outcome.temporary and (self._idempotent or outcome.stored == "no"):
            self._request_channel.switch_gateway(send.gateway)
            if self._retry(send, int(outcome.retry_after_s * NS_PER_S)):
                return
        self._end_unacked(send)
        self._next(send)

    def _retry(self, send: PendingSend, wait_min_ns: int) -> bool:
        """Schedule a retry after a backoff; return False if it would exceed `give_up_after`."""
        if send.backoff is None:
            send.backoff = Backoff(self._rng, _BACKOFF_BASE_MS, _BACKOFF_CAP_MS)
        wait_ns = max(wait_min_ns, send.backoff.next_ns())
        left_ns = send.first_ns + self._context.limits.give_up_after_ns - self._context.now_ns()
        if wait_ns >= left_ns:
            return False
        self._context.after(wait_ns, lambda: self._attempt(send))
        return True

    def _end_acked(self, send: PendingSend, sent: Sent, flags: int = 0) -> None:
        context, seq = self._context, sent.seq
        now_ns = context.now_ns()
        self._record(_ACK, send, now_ns, seq, send.attempts, flags)
        shown, differs = "", False
        if (sent.id or sent.stamped_ms) and (known := context.bodies.known(send.body)) is not None:
            shown, differs = context.names.acknowledge(known, sent)
        if sent.id or sent.conv or sent.client_msg_id:
            self._record_names(send, sent, now_ns)
        if shown:
            self._record_shown(send, shown, now_ns)
        if sent.stamped_ms:
            self._record_stamp(send, sent, now_ns, StampFlag.DIFFERS if differs else 0)
        context.ledger.ack(send.op)
        self._record_response(now_ns - send.intended_ns)
        self._record_service(now_ns - send.first_ns)
        if send.on_ended is not None:
            send.on_ended("acked", seq)
        self._next(send)

    def _record_names(self, send: PendingSend, sent: Sent, now_ns: int) -> None:
        """Record what the acknowledgement names, which must be this message."""
        op, wrong = send.op, 0
        if sent.conv and sent.conv != op.conv.name:
            wrong |= NamedFlag.OTHER_CONVERSATION
        if sent.client_msg_id and sent.client_msg_id != self._client_msg_id(send):
            wrong |= NamedFlag.OTHER_MESSAGE
        self._context.sink.add(
            Kind.NAMED,
            now_ns,
            id_digest(sent.id),
            op.conv.number,
            self._request_channel.connection_number,
            op.author,
            op.sseq,
            sent.seq,
            spare=wrong,
        )

    def _record_shown(self, send: PendingSend, shown: str, now_ns: int) -> None:
        """Record the id that a copy had, which came before the acknowledgement and differs."""
        op = send.op
        self._context.sink.add(
            Kind.NAMED,
            now_ns,
            id_digest(shown),
            op.conv.number,
            peer=op.author,
            sseq=op.sseq,
            spare=NamedFlag.SHOWN,
        )

    def _record_stamp(self, send: PendingSend, sent: Sent, now_ns: int, spare: int) -> None:
        if local_ns := self._context.server_times.local_ns(sent.stamped_ms):
            op, link = send.op, self._request_channel.connection_number
            self._context.sink.add(
                Kind.STAMP,
                now_ns,
                local_ns,
                op.conv.number,
                link,
                op.author,
                op.sseq,
                sent.seq,
                spare=spare,
            )

    def _end_unacked(self, send: PendingSend) -> None:
        """End a send as unknown, rejected, or never attempted (a REJECT after 0 attempts).

        A send without an answer enters the latencies with its age, which is a lower bound: leaving
        it out would make a system that does not answer look fast.
        """
        context, now_ns = self._context, self._context.now_ns()
        unknown = send.maybe_stored or send.in_flight
        if unknown or send.attempts == 0:
            self._record_response(now_ns - send.intended_ns)
        if unknown:
            self._record_service(now_ns - send.first_ns)
            self._record(Kind.UNKNOWN, send, now_ns, spare=send.attempts)
            context.ledger.give_up()
        else:
            self._record(Kind.REJECT, send, now_ns, spare=send.attempts)
            (context.ledger.reject if send.attempts else context.ledger.leave_untried)()
        if send.on_ended is not None:
            send.on_ended("unknown" if unknown else "rejected", 0)

    def _next(self, send: PendingSend) -> None:
        conv = send.op.conv.number
        self._remove_first(conv)
        if conv in self._first:
            self._attempt(self._first[conv])

    def _remove_first(self, conv: int) -> None:
        """Remove the first send of a conversation; the next one takes its place."""
        waiting = self._waiting.get(conv)
        if waiting is None:
            del self._first[conv]
            return
        self._first[conv] = waiting.popleft()
        if not waiting:
            del self._waiting[conv]

    def _client_msg_id(self, send: PendingSend) -> str:
        op = send.op
        return self._context.names.client_msg_id(op.conv.number, op.author, op.sseq)

    def _is_current(self, send: PendingSend) -> bool:
        return self._first.get(send.op.conv.number) is send

    def _record(
        self,
        kind: int,
        send: PendingSend,
        now_ns: int,
        seq: int = 0,
        spare: int = 0,
        flags: int = 0,
    ) -> None:
        op = send.op
        link = self._request_channel.connection_number
        self._context.sink.write(
            kind,
            now_ns,
            send.intended_ns,
            op.conv.number,
            link,
            op.author,
            op.sseq,
            seq,
            flags,
            spare,
        )
