"""What the tasks of a Locust user call: `self.im` of an `IMUser`.

The socket belongs to the engine and its thread. A task that waits blocks only its own greenlet.
"""

import time
import warnings
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

RECEIVED_MAX = 1_000

Predicate = Callable[[ReceivedMessage], bool]


class IMError(Exception):
    """A send or a wait that failed. Locust counts it as an exception of the task."""


class SendRejected(IMError):
    """The server refused the message permanently; nothing was stored."""


class SendUnknown(IMError):
    """No attempt was answered in time, so the message may or may not have been stored."""


class UnknownRecipient(IMError):
    """The recipient is neither another user of this worker nor a room of this user."""


class PeerNotConnected(IMError):
    """A recipient never connected, so the message was not sent."""


class ReceiveTimeout(IMError, TimeoutError):
    """No matching message was received in time."""


class LoadFinished(StopUser):
    """The load has ended. Locust stops the user and counts no exception."""


class Sent(NamedTuple):
    """An acknowledged message. `latency_ms` is the time from the call of `send` to the answer."""

    conv: str
    seq: int
    latency_ms: float


class Peers(Sequence[str]):
    """The names of a worker's users except one, as a view of one list that all users share."""

    def __init__(self, names: Sequence[str], without: str) -> None:
        self._names = names
        self._left_out = names.index(without)

    def __len__(self) -> int:
        return len(self._names) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self._names[at + (at >= self._left_out)]


class IM:
    """One user's client of the IM system."""

    def __init__(self, thread: EngineThread) -> None:
        self._queue = thread.queue
        self._engine = thread.engine
        self._user_result = self._queue.new_result()
        self._received: deque[tuple[int, ReceivedMessage]] = deque(maxlen=RECEIVED_MAX)
        self._received_count = 0
        self._wake_up = Event()
        self._queue.on_closing.append(self._wake_up.set)
        controller = _Controller(self, self._queue.post)
        self._engine.command(partial(self._engine.add_user, controller))

    @property
    def name(self) -> str:
        """The user's own name."""
        return self._user.name

    @property
    def peers(self) -> Sequence[str]:
        """The other users of this worker; each can receive messages once it is connected."""
        user = self._user
        return Peers(user.names, user.name)

    @property
    def rooms(self) -> Sequence[str]:
        """The rooms of which the scenario's workload makes this user a member."""
        return self._user.rooms

    def send(self, to: str, body: str) -> Sent:
        """Send a message to a peer or a room, and wait until the server has acknowledged it.

        `body` is transmitted inside a larger body that can be checked. An attempt without an answer
        is repeated as the scenario defines it. Raises a subclass of IMError if the message is not
        acknowledged, and LoadFinished if the load has ended.
        """
        self._check_load()
        user, queue = self._user, self._queue
        send_result = queue.new_result()

        def on_result(result: SendResult) -> None:
            queue.post(partial(send_result.set, result))

        request = SendRequest(to, body, clock.now_ns(), on_result)
        if not self._engine.call_soon(partial(user.send, request)):
            raise LoadFinished
        result: SendResult | None = send_result.get()
        if result is None or result.outcome == "load_finished":
            raise LoadFinished
        if result.outcome == "acked":
            return Sent(result.conv, result.seq, result.latency_ms)
        raise _error(result, to)

    def wait_for(
        self,
        predicate: Predicate | None = None,
        timeout: float = 5.0,
        *,
        wanted: Predicate | None = None,
    ) -> ReceivedMessage:
        """Return the first message from another user for which `predicate` is true.

        Messages that were received earlier are examined first. The returned message is removed; the
        last thousand others are kept. Raises ReceiveTimeout after `timeout` seconds, and
        LoadFinished if the load ends meanwhile. `wanted` is the deprecated name of `predicate`.
        """
        if wanted is not None:
            _warn("wait_for(wanted=…)", "wait_for(predicate=…)")
        matches = predicate or wanted
        if matches is None:
            raise TypeError("wait_for() requires a predicate")
        deadline_s = time.monotonic() + timeout
        examined = 0
        while True:
            self._wake_up.clear()
            for item in [item for item in self._received if item[0] > examined]:
                examined, message = item
                if matches(message):
                    self._received.remove(item)
                    return message
            self._check_load()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not self._wake_up.wait(left_s):
                raise ReceiveTimeout(
                    f"{self.name} received no matching message within {timeout:g} s"
                )

    def received(self) -> Iterator[ReceivedMessage]:
        """Yield and remove all received messages that `wait_for` did not return, oldest first."""
        while self._received:
            yield self._received.popleft()[1]

    def heard(self) -> Iterator[ReceivedMessage]:
        """Yield what `received` yields; deprecated."""
        _warn("heard()", "received()")
        return self.received()

    @property
    def _user(self) -> ScriptedUser:
        user: ScriptedUser | None = self._user_result.get()
        if user is None:
            raise LoadFinished
        return user

    def _check_load(self) -> None:
        if self._queue.closing:
            raise LoadFinished

    # What the controller posts to gevent's thread.

    def set_user(self, user: ScriptedUser | None) -> None:
        """Continue with the user that the engine has assigned; None if the plan has no more."""
        self._user_result.set(user)

    def add_received(self, message: ReceivedMessage) -> None:
        """Keep a message that was presented to the user, and wake up the task that waits."""
        self._received_count += 1
        self._received.append((self._received_count, message))
        self._wake_up.set()


class _Controller:
    """The engine's side of an `IM`, a `UserController`: posts what happens to gevent's thread."""

    def __init__(self, im: IM, post: Callable[[Callable[[], None]], None]) -> None:
        self._im = im
        self._post = post

    def on_ready(self, user: ScriptedUser | None) -> None:
        self._post(partial(self._im.set_user, user))

    def on_message(self, message: ReceivedMessage) -> None:
        self._post(partial(self._im.add_received, message))


def _error(result: SendResult, to: str) -> IMError:
    match result.outcome:
        case "rejected":
            return SendRejected(f"the server refused a message in {result.conv}")
        case "unknown":
            return SendUnknown(
                f"no attempt to send a message in {result.conv} was answered in time;"
                " it may or may not have been stored"
            )
        case "unknown_recipient":
            return UnknownRecipient(
                f"{to!r} is neither another user of this worker nor a room of this user"
            )
    return PeerNotConnected(f"not all recipients of a message to {to!r} have connected in time")


def _warn(old: str, new: str) -> None:
    warnings.warn(f"IM.{old} is deprecated; use IM.{new} instead", DeprecationWarning, stacklevel=3)
