"""The sessions of a clean-up: they connect as the users of the run did, and send no messages."""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.core.scenario.model import Target
from gauntlet.scenarios.adapters.base import Adapter, Call, Cursor, Entry, Gap
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context, Limits
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.tls import client_tls
from gauntlet.scenarios.network.transport import SocketTransport, check_addresses
from gauntlet.scenarios.network.wire import Network
from gauntlet.scenarios.workloads.entities import Conversation, User

CALL_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 8.0
_TICK_S = 0.005
_GOODBYE_S = 0.05
T = TypeVar("T")


class _Silent(Receiver):
    """Reads and acknowledges nothing."""

    def cursors(self) -> dict[str, Cursor]:
        return {}

    def on_entry(self, connection: Connection, entry: Entry) -> None:
        """Ignore it."""

    def on_connected(self, heads: Mapping[str, int], *, returned: bool) -> None:
        """Ignore it."""

    def on_heads(self, heads: Mapping[str, int], *, fresh: bool) -> None:
        """Ignore it."""

    def on_gap(self, connection: Connection, gap: Gap) -> None:
        """Ignore it."""


class _NoSink:
    """Discards history records."""

    def add(self, kind: Kind, t_ns: int, *_values: int, **_fields: int) -> None:
        """Do nothing."""


class CleaningSession:
    """A user who is connected to remove something."""

    def __init__(self, sessions: "Sessions", user: User) -> None:
        self._sessions = sessions
        self._session = Session(sessions.context, user, sessions.rng, _Silent)
        self.codec = self._session.request_channel.codec

    async def connect(self) -> bool:
        """Connect; return whether the server accepts the user in time."""
        self._session.start()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + CONNECT_TIMEOUT_S
        while not self._session.connected:
            if loop.time() >= end_s:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    async def call(self, call: Call[T]) -> T | None:
        """Return the value of a call; None if it was refused or not answered in time."""
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def on_result(value: T | None) -> None:
            if not future.done():
                future.set_result(value)

        self._session.request_channel.call(call, int(CALL_TIMEOUT_S * NS_PER_S), on_result)
        return await future

    def record_error(self, error: Exception) -> None:
        """Record an exception of the codec."""
        self._session.request_channel.record_error(error)

    async def close(self) -> None:
        """Close the connection, and stay offline."""
        self._session.stop()
        await asyncio.sleep(_GOODBYE_S)  # for the goodbye


class Sessions:
    """What the sessions share; `async with` starts the clock of their timers.

    `target` is that of the run with its secrets, and `errors` counts what goes wrong.
    """

    def __init__(
        self,
        target: Target,
        adapter: Adapter,
        transport: str,
        users: Sequence[User],
        conversations: Sequence[Conversation],
        errors: ErrorLog,
    ) -> None:
        self._target, self._kind = target, transport
        self._adapter, self._users, self._conversations = adapter, users, conversations
        self._errors = errors
        self._links = itertools.count(1)
        self.last_error = ""
        self.failure: BaseException | None = None
        self.rng = random.Random()
        errors.listen(self._note_error)

    async def __aenter__(self) -> Self:
        target, urls = self._target, list(self._target.url)
        network = Network(
            AllowedHosts(target.allow_hosts),
            client_tls(target.tls),
            secrets.settings(target.headers),
        )
        await check_addresses(network.hosts, urls)
        self._transport = SocketTransport(
            network, urls, self._kind, self._fail, self._errors.record
        )
        self.context = self._context(urls)
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        await self._transport.shut()

    def session(self, user: User) -> CleaningSession:
        """Return a new session of a user, who is not connected yet."""
        return CleaningSession(self, user)

    def _context(self, urls: list[str]) -> Context:
        of_users: dict[int, list[Conversation]] = {}
        for conv in self._conversations:
            for number in conv.members:
                of_users.setdefault(number, []).append(conv)
        timeout_ns = int(CALL_TIMEOUT_S * NS_PER_S)
        capabilities = self._adapter.capabilities
        return Context(
            now_ns=clock.now_ns,
            timers=Timers(),
            transport=self._transport,
            sink=_NoSink(),
            adapter=self._adapter,
            ledger=Ledger(self_echo=SELF_ECHO in capabilities, devices=1),
            latencies=Latencies(),
            limits=Limits(timeout_ns, timeout_ns, 0),
            api=urls,
            conversations={conv.name: conv for conv in self._conversations},
            conversations_of=of_users,
            user_numbers={user.name: user.number for user in self._users},
            register_connection=lambda _connection: next(self._links),
            on_connected=lambda _user: None,
            errors=self._errors,
        )

    async def _tick(self) -> None:
        while True:
            self.context.timers.run_due(clock.now_ns())
            await asyncio.sleep(_TICK_S)

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error

    def _note_error(self, text: str) -> None:
        self.last_error = text
