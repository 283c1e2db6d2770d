"""The bench of the conformance suite: sessions of a few users on the live server, and no files."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.scenarios.adapters.base import Account, Adapter, Call, Sent
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.conformance.observer import Observer, Received
from gauntlet.scenarios.conformance.subject import Subject
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.session_host import SessionHost
from gauntlet.scenarios.network.tls import client_tls
from gauntlet.scenarios.network.transport import value_of
from gauntlet.scenarios.network.wire import Network
from gauntlet.scenarios.workloads.entities import Conversation, User

CALL_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 8.0
PUSH_TIMEOUT_S = 3.0
# How long a message that must not arrive is waited for.
QUIET_S = 1.0
BODY_BYTES = 100
_TICK_S = 0.005
_GOODBYE_S = 0.05  # for the last frames to be sent
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send: `sent` is None without an answer, for the reason `why`."""

    body: str
    client_msg_id: str
    sent: Sent | None
    why: str = ""


class Client:
    """A user on one device, with calls that can be awaited."""

    def __init__(self, bench: "Bench", user: User, rng: random.Random) -> None:
        self.bench = bench
        self.user = user
        self._rng = rng
        self._open_session()

    def _open_session(self) -> None:
        self.session = Session(self.bench.context, self.user, self._rng, Observer)
        self.channel = self.session.request_channel
        assert isinstance(self.session.receiver, Observer)
        self.observer: Observer = self.session.receiver

    async def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> bool:
        """Connect, and return whether the server accepted the user.

        Users without an account of their own sign up first if the adapter can. A server that
        creates no accounts may accept them all the same, because it knows them or accepts any name.
        """
        if self.user.credentials is None or not self.bench.subject.accounts:
            sign_up = self.channel.ask(self.channel.codec.sign_up)
            if sign_up is not None:
                await self.call(sign_up)
                refusals = self.bench.refusals
                self.session.start()
                await until(
                    lambda: self.session.connected or self.bench.refusals > refusals, timeout_s
                )
                if self.session.connected:
                    return True
                self.session.stop()
                self._open_session()
        self.session.start()
        return await until(lambda: self.session.connected, timeout_s)

    async def call(self, call: Call[T] | None, timeout_s: float = CALL_TIMEOUT_S) -> T | None:
        """Return the value of a call; None if it was refused or not answered."""
        if call is None:
            return None
        return await value_of(self.channel, call, timeout_s)

    async def send(self, conv: Conversation, repeated: Attempt | None = None) -> Attempt:
        """Send a message with a new body and id, or those of an earlier attempt once more."""
        bench = self.bench
        number = next(bench.numbers)
        body = repeated.body if repeated else bench.body(conv, self.user, number)
        ident = repeated.client_msg_id if repeated else f"check-{bench.tag}-{number}"
        bench.last_error = ""
        sent = await self.call(self.channel.ask(self.channel.codec.send, conv.name, ident, body))
        return Attempt(body, ident, sent, bench.last_error or "there was no answer")

    def pushes(self, body: str) -> list[Received]:
        """Return the pushes with this body."""
        return [push for push in self.observer.received if push.entry.body == body]

    async def receives(self, body: str, timeout_s: float = PUSH_TIMEOUT_S) -> bool:
        """Return whether a message with this body is pushed in time."""
        return await until(lambda: bool(self.pushes(body)), timeout_s)


class Bench(SessionHost):
    """The host of the clients of one check."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        adapter, tag = subject.create_adapter(), secrets.token_hex(4)
        super().__init__(
            adapter,
            Network(AllowedHosts(subject.allow_hosts), client_tls(subject.tls), subject.headers),
            subject.urls,
            subject.transport or adapter.transports[0],
            _users_of(subject, adapter, tag),
            CALL_TIMEOUT_S,
            ErrorLog(clock.now_ns),
            tag=tag,
        )
        self.capabilities = frozenset(adapter.capabilities)
        self.numbers = itertools.count(1)
        self._rng = random.Random(tag)
        self._clients: list[Client] = []
        self._conversation_numbers = itertools.count(1)

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.session.stop()
        await asyncio.sleep(_GOODBYE_S)
        await super().__aexit__()

    @property
    def refusals(self) -> int:
        """How often the server has refused a user so far."""
        return sum(error.count for error in self.errors.counts() if error.kind == "refused")

    def client(self, user: User) -> Client:
        """Return a new client of a user, who is not connected yet."""
        client = Client(self, user, self._rng)
        self._clients.append(client)
        return client

    def stranger(self) -> User:
        """Return a user whom the system cannot know."""
        return User(len(self.users) + 2, f"u{secrets.token_hex(4)}-0")

    def conversation(self, name: str, members: Sequence[User]) -> Conversation:
        """Return a conversation, which its members' codecs learn at their next connection."""
        numbers = tuple(user.number for user in members)
        conv = Conversation(next(self._conversation_numbers), name, "check", numbers)
        self.add_conversation(conv)
        return conv

    def body(self, conv: Conversation, user: User, number: int) -> str:
        """Return a body as the load sends it, within what the adapter can carry."""
        size = min(BODY_BYTES, self.adapter.traits.max_body_bytes or BODY_BYTES)
        bodies = self.context.bodies
        return bodies.build(conv.number, user.number, number, clock.now_ns(), size)


def _users_of(subject: Subject, adapter: Adapter, tag: str) -> tuple[User, ...]:
    accounts, count = subject.accounts, subject.users
    password, token = subject.password, subject.token
    if not accounts:
        prefix = f"u{tag}-" if OPEN_ACCOUNTS in adapter.capabilities else "u"
        accounts = [Account(f"{prefix}0-{slot}") for slot in range(count)]
    if len(accounts) < count:
        raise ConfigError(f"--accounts must have at least {count} users; got {len(accounts)}")
    whole = [
        msgspec.structs.replace(row, password=row.password or password, token=row.token or token)
        for row in accounts[:count]
    ]
    return tuple(User(number, row.name, credentials=row) for number, row in enumerate(whole, 1))


async def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Return whether a condition becomes true in time."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_s
    while not condition():
        if loop.time() >= end_s:
            return False
        await asyncio.sleep(_TICK_S)
    return True
