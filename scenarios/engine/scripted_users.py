"""Users that are controlled by tasks instead of arrivals: what they send and what they receive.

A scripted user is a session like any other: its sends go through the same send queue, so that they
are recorded, counted and judged alike. Only the decision to send comes from elsewhere.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, Protocol

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.inbox import Inbox
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.recording.directory_writer import DirectoryWriter
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, User, direct_conversation

WORKLOAD = "tasks"  # the workload of conversations that were not planned by any other
READY_TIMEOUT_NS = 30 * NS_PER_S

SendOutcome = Literal[
    "acked", "rejected", "unknown", "unknown_recipient", "peer_not_connected", "load_finished"
]


class ReceivedMessage(NamedTuple):
    """A message that was presented to a user; `latency_ms` counts from its intended send."""

    conv: str
    sender: str
    body: str
    seq: int
    latency_ms: float


class SendResult(NamedTuple):
    """How a send request ended.

    `acked` (at `seq`, after `latency_ms`), `rejected` or `unknown`, like any op; or it was never
    sent: `unknown_recipient`, `peer_not_connected`, or `load_finished`.
    """

    outcome: SendOutcome
    conv: str = ""
    seq: int = 0
    latency_ms: float = 0.0


class SendRequest(NamedTuple):
    """A send that a task requests: to a user or a room, by name."""

    to: str
    text: str
    requested_ns: int
    on_result: Callable[[SendResult], None]


class UserController(Protocol):
    """Controls a user. Its methods are called in the engine's thread, and must not block."""

    def on_ready(self, user: "ScriptedUser | None") -> None:
        """Called with the user, or with None if the plan has no more users."""

    def on_message(self, message: ReceivedMessage) -> None:
        """Called when a message of another user was presented."""


class ScriptedUsers:
    """What the scripted users of a worker share."""

    def __init__(
        self,
        context: Context,
        traffic: Traffic,
        readiness: Readiness,
        directory: DirectoryWriter,
        is_over: Callable[[], bool],
    ) -> None:
        self.context = context
        self.traffic = traffic
        self.readiness = readiness
        self.is_over = is_over
        self.names = tuple(user.name for user in traffic.users)
        self._users = {user.name: user for user in traffic.users}
        self._directory = directory

    def register(self, user: User) -> None:
        """Record for the judge that the sends of this user wait for answers."""
        self._directory.write_scripted_user(user)

    def conversation(self, user: User, to: str) -> Conversation | None:
        """The conversation with another user, opened if necessary, or a room of the user."""
        other = self._users.get(to)
        if other is None or other is user:
            conv = self.traffic.conversations.get(to)
            return conv if conv is not None and user.number in conv.members else None
        plan = direct_conversation(user, other)
        if plan.name not in self.traffic.conversations:
            (opened,) = self.traffic.open_conversations(WORKLOAD, [plan])
            self._directory.write_conversation(opened)
            self.readiness.open(opened)
        return self.traffic.conversations[plan.name]


class ScriptedUser:
    """One user, as its controller sees it."""

    def __init__(self, shared: ScriptedUsers, session: Session) -> None:
        self.name = session.user.name
        self.names = shared.names
        self.rooms = tuple(
            conv.name
            for conv in shared.readiness.conversations_of[session.user.number]
            if conv.is_room
        )
        self._shared = shared
        self._session = session
        shared.register(session.user)

    def send(self, request: SendRequest) -> None:
        """Send as soon as all receivers are connected; `on_result` is called exactly once."""
        shared = self._shared
        if shared.is_over():
            request.on_result(SendResult("load_finished"))
            return
        conv = shared.conversation(self._session.user, request.to)
        if conv is None:
            request.on_result(SendResult("unknown_recipient"))
        elif conv in shared.readiness:
            self._submit(conv, request, request.requested_ns)
        else:
            wait = _Wait(partial(self._submit_now, conv, request), request.on_result)
            shared.readiness.call_when_ready(conv, wait.on_ready)
            shared.context.after(READY_TIMEOUT_NS, wait.on_timeout)

    def _submit_now(self, conv: Conversation, request: SendRequest) -> None:
        if self._shared.is_over():
            request.on_result(SendResult("load_finished"))
        else:
            # A user who waits for others to connect does not wait for the server yet.
            self._submit(conv, request, self._shared.context.now_ns())

    def _submit(self, conv: Conversation, request: SendRequest, intended_ns: int) -> None:
        op = self._shared.traffic.next_op(0, conv, self._session.user.number)

        def on_ended(outcome: Literal["acked", "rejected", "unknown"], seq: int) -> None:
            latency_ms = (self._shared.context.now_ns() - intended_ns) / NS_PER_MS
            request.on_result(SendResult(outcome, conv.name, seq, latency_ms))

        self._session.send_queue.submit(op, intended_ns, request.text, on_ended)


class _Wait:
    """Waits until a conversation is ready, or until the time-out."""

    def __init__(self, submit: Callable[[], None], on_result: Callable[[SendResult], None]) -> None:
        self._submit = submit
        self._on_result = on_result
        self._over = False

    def on_ready(self) -> None:
        if not self._over:
            self._over = True
            self._submit()

    def on_timeout(self) -> None:
        if not self._over:
            self._over = True
            self._on_result(SendResult("peer_not_connected"))


class ScriptedReceiver(Receiver):
    """A receiver that also passes the messages of others to a controller."""

    def __init__(
        self,
        controller: UserController,
        context: Context,
        user: User,
        request_channel: RequestChannel,
    ) -> None:
        super().__init__(context, user, request_channel)
        self._controller = controller

    def present(self, inbox: Inbox, entry: Entry, channel: Channel, connection_number: int) -> None:
        super().present(inbox, entry, channel, connection_number)
        if not entry.event and entry.sender != self._user.name:
            now_ns, bodies = self._context.now_ns(), self._context.bodies
            content = bodies.read(entry.body)
            if content is not None and bodies.is_of_another_run(content):
                return
            latency_ms = (now_ns - content.intended_ns) / NS_PER_MS if content else 0.0
            text = payload.unwrap_text(entry.body)
            self._controller.on_message(
                ReceivedMessage(entry.conv, entry.sender, text, entry.seq, latency_ms)
            )
