"""Impostors: requests and connections with a login that the server has not issued, and without one.

The members of a conversation may read it, and send to it, but only the server can tell that a
request is theirs. So a few times, a member's history is requested, a message is sent, and a
connection is opened with changed tokens: with one character replaced, without the signature, with
the claims of another member, with none, and with one that has expired meanwhile. The server must
refuse all of it. Each attempt is recorded (PROBE). A message of an impostor carries a number that
no op has, so that it is recognised if it is stored after all.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import STRANGER_SSEQ, Probe, ProbeResult
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Call, Cursor, OverHttp, Page, Sent
from gauntlet.scenarios.adapters.limits import lifetime_s
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions import strangers
from gauntlet.scenarios.engine.actions.forged_connections import result_of_connecting
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

ATTEMPTS_MAX = 4  # of each worker, of each kind
# A token that has expired is tried so long after that: clocks and roundings differ.
EXPIRED_FOR_NS = 2 * NS_PER_S
_FIRST_SSEQ = STRANGER_SSEQ + (1 << 30)  # the numbers below are those of other strangers
_ENTRIES = 10
T = TypeVar("T")


class Attempt(NamedTuple):
    """A conversation is used as by one of its members, `offset_ns` after the start."""

    offset_ns: int
    member: int
    conv: Conversation


def plan_attempts(plan: LoadPlan) -> list[Attempt]:
    """Return the attempts of a worker, spread over the steady phase.

    There are none where the load has no strangers.
    """
    load, conversations = plan.load.scenario.load, list(plan.traffic.conversations.values())
    possible = strangers.has_strangers(plan) and HISTORY in plan.adapter.capabilities
    if not (possible and conversations):
        return []
    rng = random.Random(f"impostors/{plan.load.scenario.seed}/{plan.stripe.worker}")
    attempts = []
    for number in range(ATTEMPTS_MAX):
        offset_s = load.ramp + load.steady * (number + rng.random()) / ATTEMPTS_MAX
        conv = rng.choice(conversations)
        attempts.append(Attempt(int(offset_s * NS_PER_S), rng.choice(conv.members), conv))
    return attempts


class Impostors:
    """Makes the attempts of one worker."""

    def __init__(
        self,
        plan: LoadPlan,
        context: Context,
        transport: SocketTransport,
        sessions: Mapping[int, Session],
    ) -> None:
        self._plan = plan
        self._context = context
        self._transport = transport
        self._sessions = sessions
        self._numbers = itertools.count(_FIRST_SSEQ)
        self._start: Cursor = 0 if SERVER_SEQ in plan.adapter.capabilities else ""

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action), as `user_actions.scheduled_actions`."""
        load = self._plan.load.scenario.load
        load_ns = int((load.ramp + load.steady) * NS_PER_S)
        for attempt in plan_attempts(self._plan):
            left_ns = load_ns - attempt.offset_ns
            act = partial(self.impersonate, conv=attempt.conv, left_ns=left_ns)
            yield attempt.offset_ns, attempt.member, act

    def impersonate(self, session: Session, conv: Conversation, left_ns: int) -> None:
        """Try everything as a member's first device, unless the member is offline.

        `left_ns` is how long the load still lasts: a token that expires before is tried again.
        """
        if not (session.connected and session.user.device_index == 0):
            return
        token = self._token_of(session)
        tokens = forgeries(token, self._tokens_of_others(session, conv))
        self._transport.spawn(self._try_all(session, conv, list(tokens)))
        channel = session.request_channel
        lasts_s = channel.ask(lambda: lifetime_s(channel.codec.login_lasts_s()))
        expires_ns = int((lasts_s or 0) * NS_PER_S)
        wait_ns = expires_ns + EXPIRED_FOR_NS
        if token and expires_ns and wait_ns < left_ns:
            self._context.after(wait_ns, partial(self._try_expired, session, conv, token))

    def _try_expired(self, session: Session, conv: Conversation, token: str) -> None:
        if session.connected:
            self._transport.spawn(self._try_all(session, conv, [token]))

    def _tokens_of_others(self, session: Session, conv: Conversation) -> Iterator[str]:
        """Yield the tokens of other members of a conversation, who are users of this worker."""
        others = (self._sessions.get(user) for user in conv.members if user != session.user.number)
        yield from (self._token_of(other) for other in others if other is not None)

    def _token_of(self, session: Session) -> str:
        """Return the token of a session, empty if it has none."""
        channel = session.request_channel
        call = channel.ask(channel.codec.history, "", self._start, _ENTRIES)
        return call.request.token if isinstance(call, OverHttp) else ""

    async def _try_all(self, session: Session, conv: Conversation, tokens: list[str]) -> None:
        for token in tokens:
            await self._try(Probe.IMPOSTOR, session, conv, token)
            await self._try(Probe.IMPOSTOR_SEND, session, conv, token, next(self._numbers))
            await self._connect(session, conv, token, session.user.device)
        if own := self._token_of(session):
            # Tokens may be issued to a device.
            await self._connect(session, conv, own, f"{session.user.device}-2")

    async def _try(
        self, probe: Probe, session: Session, conv: Conversation, token: str, number: int = 0
    ) -> None:
        requested_ns = self._context.now_ns()
        make = partial(self._request, probe, session, conv, token, number)
        result, obtained = await strangers.result_of(self._transport, session, make)
        strangers.record_probe(
            self._context, session, conv, probe, requested_ns, result, obtained, number
        )

    def _request(
        self, probe: Probe, session: Session, conv: Conversation, token: str, number: int
    ) -> Call[Page] | Call[Sent] | None:
        """Return a request with a changed token; None if it has none."""
        codec = session.request_channel.codec
        if probe == Probe.IMPOSTOR:
            return _with_token(codec.history(conv.name, self._start, _ENTRIES), token)
        message = strangers.message_of(self._context, "i", session.user.number, conv, number)
        return _with_token(codec.send(conv.name, *message), token)

    async def _connect(self, session: Session, conv: Conversation, token: str, device: str) -> None:
        requested_ns = self._context.now_ns()
        result = await result_of_connecting(self._context, self._transport, session, token, device)
        if result is not None:
            obtained = int(result == ProbeResult.GRANTED)
            strangers.record_probe(
                self._context,
                session,
                conv,
                Probe.IMPOSTOR_CONNECT,
                requested_ns,
                result,
                obtained,
            )


def _with_token(call: Call[T], token: str) -> Call[T] | None:
    """Return a request with another token; None if it has none."""
    if not isinstance(call, OverHttp) or not call.request.token:
        return None
    return OverHttp(msgspec.structs.replace(call.request, token=token), call.read)


def forgeries(token: str, others: Iterable[str]) -> Iterator[str]:
    """Yield tokens that the server has not issued, none of them twice, and the empty one.

    If tokens end with a signature behind a dot, as most do, that of the member is put behind what
    tokens of others say, and what the member's token says comes without one.
    """
    if token:
        yield forged(token)
    claims, dot, signature = token.rpartition(".")
    if dot:
        yield f"{claims}."
        claimed = (other.rpartition(".")[0] for other in others)
        spliced = next((other for other in claimed if other and other != claims), "")
        if spliced:
            yield f"{spliced}.{signature}"
    yield ""


def forged(token: str) -> str:
    """Return a token that differs in one character.

    It is one near the end, where a signature is, but not the last one: in an encoded signature,
    that one may have bits without a meaning.
    """
    at = max(0, len(token) * 7 // 8 - 1)
    return f"{token[:at]}{'B' if token[at] == 'A' else 'A'}{token[at + 1 :]}"
