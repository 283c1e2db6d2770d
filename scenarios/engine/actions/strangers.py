"""Strangers: users who try to read, write and enter conversations of which they are no members.

The server must refuse all of it. Every attempt and its result is recorded (PROBE). A message that a
stranger sends carries a number that no op has, so that it is recognised if it is stored after all.
"""

import itertools
import random
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import STRANGER_SSEQ, Kind, Probe, ProbeResult
from gauntlet.core.scenario.capabilities import HISTORY, MEMBERS_ONLY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Call, Cursor, OverHttp, Page, ProtocolError, Sent
from gauntlet.scenarios.adapters.limits import check_page, check_sent
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport, call_and_wait
from gauntlet.scenarios.workloads.entities import Conversation

VISITS_MAX = 12  # of each worker: evidence, at no cost that the load would notice
_TIMEOUT_S = 5.0
_DRAWS_MAX = 20
_ENTRIES = 100
_BODY_BYTES = 120
_OF_SEND = {
    "yes": ProbeResult.GRANTED,
    "handed-over": ProbeResult.UNKNOWN,
    "no": ProbeResult.REFUSED,
    "unknown": ProbeResult.UNKNOWN,
}


class Visit(NamedTuple):
    """A user tries to use a conversation of others, `offset_ns` after the start of the timeline."""

    offset_ns: int
    user: int
    conv: Conversation


def has_strangers(plan: LoadPlan) -> bool:
    """Return whether a load has strangers, which the system refuses and the scenario includes."""
    return plan.load.scenario.load.strangers and MEMBERS_ONLY in plan.adapter.capabilities


def plan_visits(plan: LoadPlan) -> list[Visit]:
    """Return the visits of a worker, spread over the steady phase.

    There are none where the system does not refuse strangers, or the scenario excludes them.
    """
    load, traffic = plan.load.scenario.load, plan.traffic
    conversations = list(traffic.conversations.values())
    if not (has_strangers(plan) and conversations):
        return []
    rng = random.Random(f"strangers/{plan.load.scenario.seed}/{plan.stripe.worker}")
    kinds = [[conv for conv in conversations if conv.is_room is room] for room in (False, True)]
    drawn = itertools.cycle([convs for convs in kinds if convs])
    visits = []
    for number in range(VISITS_MAX):
        convs = next(drawn)
        for _ in range(_DRAWS_MAX):
            conv, user = rng.choice(convs), rng.choice(traffic.users).number
            if user not in conv.members:
                offset_s = load.ramp + load.steady * (number + rng.random()) / VISITS_MAX
                visits.append(Visit(int(offset_s * NS_PER_S), user, conv))
                break
    return visits


class Strangers:
    """Makes the visits of one worker."""

    def __init__(self, plan: LoadPlan, context: Context, transport: SocketTransport) -> None:
        self._context = context
        self._transport = transport
        self._numbers = itertools.count(STRANGER_SSEQ)
        self._has_history = HISTORY in plan.adapter.capabilities
        self._start: Cursor = 0 if SERVER_SEQ in plan.adapter.capabilities else ""

    def visit(self, session: Session, conv: Conversation) -> None:
        """Try everything in a conversation with the first device, unless the user is offline."""
        if session.connected and session.user.device_index == 0:
            self._transport.spawn(self.try_all(session, conv))

    async def try_all(self, session: Session, conv: Conversation) -> None:
        """Try everything in a conversation, and wait for the answers."""
        codec = session.request_channel.codec
        if self._has_history:
            make = partial(codec.history, conv.name, self._start, _ENTRIES)
            await self._try(Probe.HISTORY, session, conv, make)
        if conv.is_room:
            await self._try(Probe.MEMBERS, session, conv, partial(codec.members, conv.name))
            await self._try(Probe.ENTER, session, conv, partial(codec.enter, conv.name))
        await self._send(session, conv)

    async def _send(self, session: Session, conv: Conversation) -> None:
        sseq = next(self._numbers)
        message = message_of(self._context, "s", session.user.number, conv, sseq)
        make = partial(session.request_channel.codec.send, conv.name, *message)
        await self._try(Probe.SEND, session, conv, make, sseq)

    async def _try(
        self,
        probe: Probe,
        session: Session,
        conv: Conversation,
        make: Callable[[], bytes | Call[Any]],
        number: int = 0,
    ) -> None:
        requested_ns = self._context.now_ns()
        result, obtained = await result_of(self._transport, session, make)
        record_probe(self._context, session, conv, probe, requested_ns, result, obtained, number)


def message_of(
    context: Context, prefix: str, author: int, conv: Conversation, sseq: int
) -> tuple[str, str]:
    """Return the id and the body of a message that no op is; `prefix` says who sends it."""
    size = min(_BODY_BYTES, context.adapter.traits.max_body_bytes or _BODY_BYTES)
    body = context.bodies.build(conv.number, author, sseq, context.now_ns(), size)
    return f"{context.tag}{prefix}{conv.number}-{author}-{sseq}", body


def record_probe(
    context: Context,
    session: Session,
    conv: Conversation,
    probe: Probe,
    requested_ns: int,
    result: ProbeResult,
    obtained: int,
    number: int = 0,
) -> None:
    """Record an attempt, how much was obtained by it, and the number of the message it sent."""
    context.sink.add(
        Kind.PROBE,
        context.now_ns(),
        ref_ns=requested_ns,
        conv=conv.number,
        link=session.request_channel.connection_number,
        peer=number,
        sseq=probe,
        seq=obtained,
        spare=result,
    )


async def result_of(
    transport: SocketTransport, session: Session, make: Callable[[], bytes | Call[Any] | None]
) -> tuple[ProbeResult, int]:
    """Return the result of a request, and how much was obtained by it.

    Where there is nothing to request, the result is unknown, as without an answer.
    """
    channel = session.request_channel
    call = channel.ask(make)
    if isinstance(call, bytes):  # nothing answers: pushes and the audit show what it did
        if channel.connection is not None and call:
            transport.send(channel.connection, call)
        return ProbeResult.UNKNOWN, 0
    if call is None:
        return ProbeResult.UNKNOWN, 0
    try:
        if isinstance(call, OverHttp):
            response = await transport.request_until_answered(
                channel.gateway, call.request, _TIMEOUT_S
            )
            if response is None or response.status >= HTTPStatus.TOO_MANY_REQUESTS:
                return ProbeResult.UNKNOWN, 0
            return assess(call.read(response))
        return assess(await call_and_wait(transport, channel, channel.gateway, call, _TIMEOUT_S))
    except ProtocolError:  # over a connection, this may be a request without an answer, too
        refused = isinstance(call, OverHttp)
        return (ProbeResult.REFUSED if refused else ProbeResult.UNKNOWN), 0
    except Exception as error:  # noqa: BLE001 - the adapter may raise anything
        channel.record_error(error)
        return ProbeResult.UNKNOWN, 0


def assess(value: Any) -> tuple[ProbeResult, int]:
    """Return the result that an answer is, and how much it contains."""
    match value:
        case Sent():
            check_sent(value)
            return _OF_SEND[value.stored], value.seq
        case Page():
            check_page(value)
            obtained = max(value.head, len(value.entries))
        case dict():
            obtained = len(value)
        case _:
            obtained = int(bool(value))
    return ProbeResult.GRANTED if obtained else ProbeResult.REFUSED, obtained
