"""What tasks of Locust users say and hear: `self.im` of an `IMUser`.

The socket is the engine's, in its thread; a task waits here as any greenlet does.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from gevent.event import Event
from locust.exception import StopUser

from gauntlet.core import clock
from gauntlet.scenarios.engine.scripted_users import (
    ReceivedMessage,
    ScriptedUser,
    SendRequest,
    SendResult,
)
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread

HEARD_MAX = 1_000


class IMError(Exception):
    """A send or a wait that did not end as a task hoped. Locust counts it as an exception."""


class Rejected(IMError):
    """The server refused the message for good, and nothing was stored."""


class Unknown(IMError):
    """Nobody knows whether the message was stored: no attempt was answered in time."""


class NoSuchPeer(IMError):
    """Neither another user of this worker, nor a room that the user is a member of."""


class PeerAbsent(IMError):
    """A member of the conversation never connected, so nobody would have seen the message."""


class NotHeard(IMError, TimeoutError):
    """Nothing that was waited for was presented in time."""


class LoadOver(StopUser):
    """The load has ended: Locust ends the user, and counts nothing."""


class Sent(NamedTuple):
    """An acknowledged message. `latency_ms` is from the call of `send` to the acknowledgement."""

    conv: str
    seq: int
    latency_ms: float


class Peers(Sequence[str]):
    """The names of a worker's users but one: as long as they are many, they are listed once."""

    def __init__(self, names: Sequence[str], but: str) -> None:
        self._names = names
        self._at = names.index(but)

    def __len__(self) -> int:
        return len(self._names) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self._names[at + (at >= self._at)]


class IM:
    """One user's side of the IM system."""

    def __init__(self, thread: EngineThread) -> None:
        self._crossing = thread.crossing
        self._engine = thread.engine
        self._seat = self._crossing.expect()
        self._heard: deque[tuple[int, ReceivedMessage]] = deque(maxlen=HEARD_MAX)
        self._count = 0
        self._news = Event()
        self._crossing.at_end.append(self._news.set)
        driver = _Driver(self, self._crossing.post)
        self._engine.commands.append(partial(self._engine.add_user, driver))

    @property
    def name(self) -> str:
        """The user's own name."""
        return self._driven.name

    @property
    def peers(self) -> Sequence[str]:
        """The other users of this worker: whom he can write to, as soon as they are connected."""
        driven = self._driven
        return Peers(driven.names, driven.name)

    @property
    def rooms(self) -> Sequence[str]:
        """The rooms that the scenario's workload put him into."""
        return self._driven.rooms

    def send(self, to: str, body: str) -> Sent:
        """Send a message to a peer or a room, and wait until the server has acknowledged it.

        `body` travels inside ours, so that it can be checked. A message that is not answered is
        tried again, as the scenario has it. Raises IMError where it does not end acknowledged.
        """
        self._check_over()
        driven, crossing = self._driven, self._crossing
        answer = crossing.expect()
        order = SendRequest(
            to, body, clock.now_ns(), lambda it: crossing.post(partial(answer.set, it))
        )
        if not self._engine.call_soon(partial(driven.send, order)):
            raise LoadOver
        ended: SendResult | None = answer.get()
        if ended is None or ended.outcome == "load_finished":
            raise LoadOver
        if ended.outcome == "acked":
            return Sent(ended.conv, ended.seq, ended.latency_ms)
        raise _error(ended, to)

    def wait_for(
        self, wanted: Callable[[ReceivedMessage], bool], timeout: float = 5.0
    ) -> ReceivedMessage:
        """The first message of somebody else for which `wanted` is true; else NotHeard, in time.

        Messages that came before are looked at first. One that was waited for is taken out; the
        last thousand others are kept.
        """
        until_s = time.monotonic() + timeout
        seen = 0
        while True:
            self._news.clear()
            for item in [item for item in self._heard if item[0] > seen]:
                seen = item[0]
                if wanted(item[1]):
                    self._heard.remove(item)
                    return item[1]
            self._check_over()
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not self._news.wait(left_s):
                raise NotHeard(f"{self.name} heard nothing of the kind within {timeout:g} s")

    def heard(self) -> Iterator[ReceivedMessage]:
        """Take out all that was heard and not waited for, oldest first."""
        while self._heard:
            yield self._heard.popleft()[1]

    @property
    def _driven(self) -> ScriptedUser:
        driven: ScriptedUser | None = self._seat.get()
        if driven is None:
            raise LoadOver
        return driven

    def _check_over(self) -> None:
        if self._crossing.over:
            raise LoadOver

    # What the driver posts to gevent's thread.

    def take_seat(self, driven: ScriptedUser | None) -> None:
        """The user is known, or there is none left."""
        self._seat.set(driven)

    def take_in(self, heard: ReceivedMessage) -> None:
        """Something was presented."""
        self._count += 1
        self._heard.append((self._count, heard))
        self._news.set()


class _Driver:
    """The engine's side: it passes on what it is told (`scripted_users.UserController`)."""

    def __init__(self, im: IM, post: Callable[[Callable[[], None]], None]) -> None:
        self._im = im
        self._post = post

    def on_ready(self, user: ScriptedUser | None) -> None:
        self._post(partial(self._im.take_seat, user))

    def on_message(self, heard: ReceivedMessage) -> None:
        self._post(partial(self._im.take_in, heard))


def _error(ended: SendResult, to: str) -> IMError:
    match ended.outcome:
        case "rejected":
            return Rejected(f"the server refused a message in {ended.conv}")
        case "unknown":
            return Unknown(f"nobody knows what became of a message in {ended.conv}")
        case "unknown_recipient":
            return NoSuchPeer(f"{to!r} is no other user of this worker, and no room of his")
    return PeerAbsent(f"not everybody who is to read what is sent to {to!r} has connected")
