"""The sessions of a clean-up: they connect as the users of the run did, and send no messages."""

import asyncio
import random
from collections.abc import Sequence
from typing import Self, TypeVar

from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.model import Target
from gauntlet.scenarios.adapters.base import Adapter, Call
from gauntlet.scenarios.cleanup.silent_receiver import SilentReceiver
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.session_host import SessionHost
from gauntlet.scenarios.network.tls import client_tls
from gauntlet.scenarios.network.transport import value_of
from gauntlet.scenarios.network.wire import Network
from gauntlet.scenarios.workloads.entities import Conversation, User

CALL_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 8.0
_TICK_S = 0.005
_GOODBYE_S = 0.05
T = TypeVar("T")


class CleaningSession:
    """A user who is connected to remove something."""

    def __init__(self, sessions: "Sessions", user: User) -> None:
        self._sessions = sessions
        self._session = Session(sessions.context, user, sessions.rng, SilentReceiver)
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
        return await value_of(self._session.request_channel, call, CALL_TIMEOUT_S)

    def record_error(self, error: Exception) -> None:
        """Record an exception of the codec."""
        self._session.request_channel.record_error(error)

    async def close(self) -> None:
        """Close the connection, and stay offline."""
        self._session.stop()
        await asyncio.sleep(_GOODBYE_S)  # for the goodbye


class Sessions(SessionHost):
    """The host of the sessions of a clean-up.

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
        network = Network(
            AllowedHosts(target.allow_hosts),
            client_tls(target.tls),
            secrets.settings(target.headers),
        )
        super().__init__(adapter, network, target.url, transport, users, CALL_TIMEOUT_S, errors)
        self._conversations = conversations
        self.rng = random.Random()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for conv in self._conversations:
            self.add_conversation(conv)
        return self

    def session(self, user: User) -> CleaningSession:
        """Return a new session of a user, who is not connected yet."""
        return CleaningSession(self, user)
