"""Hosts the sessions of a few users outside of a load: without a history and without an audit."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Self

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.scenarios.adapters.base import Adapter
from gauntlet.scenarios.client.context import Context, Limits, Sink
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.network.transport import SocketTransport, check_addresses
from gauntlet.scenarios.network.wire import Network
from gauntlet.scenarios.workloads.entities import Conversation, User

_TICK_S = 0.005


class _NoSink(Sink):
    """Discards history records."""

    def write(self, kind: int, t_ns: int, *_fields: int) -> None:
        """Do nothing."""


class SessionHost:
    """What such sessions share; `async with` starts the clock of their timers.

    `errors` counts what goes wrong, and `last_error` is the text of the latest. `failure` is an
    exception that would have ended a load.
    """

    def __init__(
        self,
        adapter: Adapter,
        network: Network,
        urls: Sequence[str],
        transport: str,
        users: Sequence[User],
        call_timeout_s: float,
        errors: ErrorLog,
        tag: str = "",
    ) -> None:
        self.adapter, self.users, self.errors, self.tag = adapter, users, errors, tag
        self.last_error = ""
        self.failure: BaseException | None = None
        self._network, self._urls, self._kind = network, list(urls), transport
        self._timeout_ns = int(call_timeout_s * NS_PER_S)
        self._links = itertools.count(1)
        errors.listen(self._note_error)

    async def __aenter__(self) -> Self:
        await check_addresses(self._network.hosts, self._urls)
        self.transport = SocketTransport(
            self._network, self._urls, self._kind, self._fail, self.errors.record
        )
        self.context = self._context()
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        await self.transport.shut()

    def add_conversation(self, conv: Conversation) -> None:
        """Add a conversation, which its members' codecs learn at their next connection."""
        self.context.conversations[conv.name] = conv
        for number in conv.members:
            self.context.conversations_of.setdefault(number, []).append(conv)

    def _context(self) -> Context:
        echoes = SELF_ECHO in self.adapter.capabilities
        return Context(
            now_ns=clock.now_ns,
            timers=Timers(),
            transport=self.transport,
            sink=_NoSink(),
            adapter=self.adapter,
            ledger=Ledger(self_echo=echoes, devices=1),
            latencies=Latencies(),
            limits=Limits(self._timeout_ns, self._timeout_ns, 0),
            api=self._urls,
            conversations={},
            conversations_of={},
            user_numbers={user.name: user.number for user in self.users},
            register_connection=lambda _connection: next(self._links),
            on_connected=lambda _user: None,
            errors=self.errors,
            tag=self.tag,
        )

    async def _tick(self) -> None:
        while True:
            self.context.timers.run_due(clock.now_ns())
            await asyncio.sleep(_TICK_S)

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error

    def _note_error(self, text: str) -> None:
        self.last_error = text
