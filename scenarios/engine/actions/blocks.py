"""Blocks: one user blocks another, who then tries to write to them and to become their friend.

The users of the load must be able to talk, so two accounts do this that take no part in it. In each
round one of them blocks the other, and the roles change with every round. When the block was
answered and has had the time to take effect, the server must refuse a direct message and a request
for friendship. Each attempt and its result is recorded (PROBE).
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Probe, ProbeResult
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.scenarios.adapters.base import Call, Codec, OverHttp, ProtocolError
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions import strangers
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport

TAKES_EFFECT_S = 5.0
_PAUSE_S = 1.0
_TIMEOUT_S = 5.0
_DEVICE = "d0"
_BODY = "blocked"

Make = Callable[[], bytes | Call[Any] | None]


class Party(NamedTuple):
    """One of the two accounts."""

    name: str
    codec: Codec


class Blocks:
    """The rounds of one worker, one after the other."""

    def __init__(self, plan: LoadPlan, context: Context, transport: SocketTransport) -> None:
        self._plan = plan
        self._context = context
        self._transport = transport
        load = plan.load.scenario.load
        self._ramp_ns, self._steady_ns = int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S)
        self._numbers = itertools.count(1)
        self._end_ns = 0

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first round, as `user_actions.scheduled_actions`."""
        users = self._plan.traffic.users
        possible = strangers.has_strangers(self._plan) and self._plan.traffic.conversations
        if users and possible and OPEN_ACCOUNTS in self._plan.adapter.capabilities:
            yield self._ramp_ns, users[0].number, self._begin

    def _begin(self, session: Session) -> None:
        """Begin the rounds, once for all devices of the user."""
        if not self._end_ns:
            self._end_ns = self._context.now_ns() + self._steady_ns
            self._transport.spawn(self._run(session))

    async def _run(self, session: Session) -> None:
        worker = self._plan.stripe.worker
        names = [f"{self._context.tag}b{worker}-{number}" for number in (0, 1)]
        adapter = self._context.adapter
        parties = [Party(name, adapter.codec(Account(name), _DEVICE)) for name in names]
        if session.request_channel.ask(partial(parties[0].codec.block, names[1])) is None:
            return
        while self._has_time and not all([await self._log_in(session, each) for each in parties]):
            await asyncio.sleep(_PAUSE_S)
        while self._has_time:
            await self._round(session, *parties)
            parties.reverse()
            await asyncio.sleep(_PAUSE_S)

    @property
    def _has_time(self) -> bool:
        """Whether a block that begins now takes effect while the load runs."""
        return self._context.now_ns() + TAKES_EFFECT_S * NS_PER_S < self._end_ns

    async def _log_in(self, session: Session, party: Party) -> bool:
        call = session.request_channel.ask(party.codec.login)
        return call is None or (await self._result_of(session, call))[0] is ProbeResult.GRANTED

    async def _round(self, session: Session, blocker: Party, blocked: Party) -> None:
        """Block, try, and end the block; without an answer to the block, nothing is known."""
        if not await self._done(session, partial(blocker.codec.block, blocked.name)):
            return
        await asyncio.sleep(TAKES_EFFECT_S)
        first, second = sorted((blocker.name, blocked.name))
        ident = f"{self._context.tag}b{next(self._numbers)}"
        send = partial(blocked.codec.send, f"d.{first}.{second}", ident, _BODY)
        await self._try(session, Probe.BLOCKED_SEND, send)
        befriend = partial(blocked.codec.befriend, blocker.name)
        await self._try(session, Probe.BLOCKED_REQUEST, befriend)
        await self._done(session, partial(blocker.codec.unblock, blocked.name))

    async def _done(self, session: Session, make: Make) -> bool:
        call = session.request_channel.ask(make)
        return (await self._result_of(session, call))[0] is ProbeResult.GRANTED

    async def _try(self, session: Session, probe: Probe, make: Make) -> None:
        call = session.request_channel.ask(make)
        if call is None:
            return
        requested_ns = self._context.now_ns()
        result, obtained = await self._result_of(session, call)
        # The accounts are no users of the load: user and conversation of the record say nothing.
        conv = next(iter(self._plan.traffic.conversations.values()))
        strangers.record_probe(self._context, session, conv, probe, requested_ns, result, obtained)

    async def _result_of(
        self, session: Session, call: bytes | Call[Any] | None
    ) -> tuple[ProbeResult, int]:
        """Return the result of a request; nothing but HTTP is possible without a connection."""
        if not isinstance(call, OverHttp):
            return ProbeResult.UNKNOWN, 0
        try:
            response = await self._transport.request_until_answered(0, call.request, _TIMEOUT_S)
            if response is None or response.status >= HTTPStatus.TOO_MANY_REQUESTS:
                return ProbeResult.UNKNOWN, 0
            return strangers.assess(call.read(response))
        except ProtocolError:
            return ProbeResult.REFUSED, 0
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            session.request_channel.record_error(error)
            return ProbeResult.UNKNOWN, 0
