"""Matrix: the client-server API over HTTP, with `/sync` as a long poll. A room a conversation.

How Gauntlet's terms map to Matrix:

- **Acknowledged**: the server has answered the `PUT` of an event with its id.
- **Idempotent**: a `PUT` has a transaction id, which the server remembers for the user's device.
- **No positions**: entries have event ids. A place in a room's history is named by a token, which
  only the server can compute, so the codec notes with which token a room continues after an event.
- **Resumed**: a sync continues from the token of the last one, so nothing is missed, unless the
  server cuts a timeline short (`limited`); then the session reads the history.
- **Clean-up** removes the accounts that the run has created. Their rooms stay, without members.
- **A room** is a conversation like any other: its members join it before the load, and there is no
  attendance.

The connection consists of polls: a login where the user has no token, and syncs after that.
Accounts and rooms are created before the load (`matrix_preparation`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import matrix_api as api
from gauntlet.scenarios.adapters._byte_stream import read_flag
from gauntlet.scenarios.adapters._subscribed_rooms import SubscribedRooms
from gauntlet.scenarios.adapters.base import (
    DEVICES,
    HISTORY,
    IDEMPOTENT_SEND,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SELF_ECHO,
    Connected,
    Entry,
    Event,
    EventBatch,
    Kept,
    OverHttp,
    ProtocolError,
    Removal,
    Removed,
    Request,
    Response,
    RunData,
)
from gauntlet.scenarios.adapters.matrix_preparation import (
    FIRST_DEVICE,
    MatrixSettings,
    Prepared,
    prepare,
)

# An event may have 65,536 bytes. The rest is for its other keys, and for escaping in JSON.
_BODY_BYTES_MAX = 48_000
_NO_DELETION = "Matrix has no request that deletes a room; removed accounts leave it"
_PLACES_MAX = 64  # of one room; a session asks for the last one or two
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class Matrix(base.Adapter):
    """A Matrix homeserver.

    Settings (`target.server`): `domain` (the server's name), `password` (of accounts without one;
    by default the user's name), `register` (whether an account that cannot log in is created),
    `registration_secret` (Synapse's shared secret, instead of open registration), `ping_ms` (how
    long a sync waits) and `pong_ms`.
    """

    kind = base.AdapterKind(
        "matrix",
        "Matrix homeservers, over HTTP with /sync as a long poll",
        capabilities=(HISTORY, RESUME, IDEMPOTENT_SEND, SELF_ECHO, DEVICES, ROOMS, OPEN_ACCOUNTS),
        stacks=("synapse",),
    )
    capabilities = frozenset(kind.capabilities)
    transports = ("long-poll",)
    traits = base.Traits(max_body_bytes=_BODY_BYTES_MAX)
    settings: ClassVar[frozenset[str]] = frozenset(
        {"domain", "password", "register", "registration_secret", "ping_ms", "pong_ms"}
    )

    def __init__(self, settings: base.Settings) -> None:
        self._settings = MatrixSettings(
            domain=str(settings.get("domain", "localhost")),
            password=str(settings.get("password", "")),
            registers=read_flag(settings, "register", default=True),
            secret=str(settings.get("registration_secret", "")),
            ping_ms=int(settings.get("ping_ms", 10_000)),
            pong_ms=int(settings.get("pong_ms", 5_000)),
        )
        if not self._settings.registers:
            self.capabilities = self.capabilities - {OPEN_ACCOUNTS}
        self._prepared = Prepared()

    def prepare(
        self, accounts: Sequence[base.Account], conversations: Mapping[str, Sequence[str]]
    ) -> base.Preparation:
        """Create the accounts and rooms that do not exist."""
        return prepare(self._settings, accounts, conversations, self._prepared)

    def codec(self, account: base.Account, device: str) -> "Codec":
        token = account.token
        if not token and device == FIRST_DEVICE:
            token = self._prepared.tokens.get(account.name, "")
        who = self._settings.credentials(account, device)
        return Codec(who, token, self._settings, self._prepared.rooms)


class Codec(SubscribedRooms):
    """The session of one user on one device: its token, and its syncs."""

    def __init__(
        self,
        who: api.Credentials,
        token: str,
        settings: MatrixSettings,
        rooms: Mapping[str, str],
    ) -> None:
        self._who, self._token, self._settings = who, token, settings
        self._registers = settings.registers
        self._rooms = rooms  # ids by conversation
        self._conversations: dict[str, str] = {}  # the reverse, for the user's own
        self._since = ""  # the token of the next sync
        self._incomplete = False  # a sync has left messages out, which the history contains
        self._up = self._was_up = False
        # With which token a room continues after an event, by conversation and event id.
        self._places: dict[str, dict[str, str]] = {}
        self._queued: _Poll | None = None  # the next poll, if the last one requires it
        self._reader: Callable[[Response], Event] = self._on_sync  # of the poll under way

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        self._conversations = {
            self._rooms[conv]: conv for conv in conversations if conv in self._rooms
        }

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        """Return nothing: the polls are the connection."""
        self._up, self._queued = False, None
        return b""

    # Polls.

    def receive_request(self, cursors: Mapping[str, base.Cursor]) -> Request:
        queued, self._queued = self._queued, None
        request, self._reader = queued or self._next_poll()
        return request

    def read_response(self, response: Response) -> Event:
        if response.status == _UNAUTHORIZED:  # the server has forgotten the token: log in again
            self._token = ""
        try:
            return self._reader(response)
        except (KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(f"not an answer of Matrix: {error!r}") from error

    def read(self, frame: bytes) -> Event:
        raise ProtocolError("Matrix has no frames")

    def _next_poll(self) -> "_Poll":
        if not self._token:
            return _Poll(api.login(self._who), self._on_login)
        # The first sync of a connection answers immediately, which shows that the server accepts
        # the user.
        settings, wait_ms = self._settings, self._settings.ping_ms if self._up else 0
        timeout_s = (wait_ms + settings.pong_ms) / 1000
        return _Poll(api.sync(self._since, self._token, wait_ms, timeout_s), self._on_sync)

    # Accounts.

    def sign_up(self) -> OverHttp[bool]:
        """Return a call that creates the account by open registration."""
        return OverHttp(api.register(self._who), api.read_registration)

    def _on_login(self, response: Response) -> Event:
        if response.status == _FORBIDDEN and self._registers:
            if self._settings.secret:
                self._queued = _Poll(api.request_nonce(), self._on_nonce)
            else:
                self._queued = _Poll(api.register(self._who), self._on_registered)
        else:
            self._token = api.read_token(response)
        return EventBatch()

    def _on_nonce(self, response: Response) -> Event:
        request = api.register_with_secret(self._who, self._settings.secret, response)
        self._queued = _Poll(request, self._on_registered)
        return EventBatch()

    def _on_registered(self, response: Response) -> Event:
        """Log in with the new account; if it exists already, its password is another one."""
        if not api.read_registration(response):
            raise ProtocolError(f"the password of {self._who.user} is wrong")
        if self._was_up:  # the server has lost the account, and so all places are those of another
            self._since, self._incomplete = "", True
            self._places.clear()
        return EventBatch()

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal | Kept]:
        self._registers = False  # an account that is gone stays away
        rooms = [Kept("room", conv, _NO_DELETION) for conv in data.conversations]
        if not data.owns_account:
            return rooms
        return [*rooms, Removal("account", self._who.user, self._deactivate, last=True)]

    def _deactivate(self) -> OverHttp[Removed]:
        return OverHttp(api.deactivate(self._who, self._token), api.read_deactivation)

    # Messages.

    def _on_sync(self, response: Response) -> Event:
        content = api.content_of(response)
        first = not self._since
        self._since = str(content["next_batch"])
        # The first sync only finds the place from which on the user receives.
        joined = {} if first else content.get("rooms", {}).get("join", {})
        timelines = {
            self._conversations[room]: found.get("timeline", {})
            for room, found in joined.items()
            if room in self._conversations
        }
        if any(timeline.get("limited") for timeline in timelines.values()):
            self._incomplete = True
            if self._up:
                raise ProtocolError("the server has left out messages of a sync")
            timelines = {}  # the history contains all of them
        entries = [
            entry
            for conv, timeline in timelines.items()
            for entry in self._entries(conv, timeline.get("events", ()), self._since)
        ]
        if self._up:
            return EventBatch(events=tuple(entries))
        return self._on_up(entries)

    def _on_up(self, entries: Sequence[Entry]) -> Event:
        """Return `Connected`, and after it what the user has missed."""
        resumed = self._was_up and not self._incomplete
        self._up, self._was_up, self._incomplete = True, True, False
        settings = self._settings
        up = Connected(
            edge=settings.domain,
            ping_ms=settings.ping_ms,
            pong_ms=settings.pong_ms,
            resumed=resumed,
        )
        return EventBatch(events=(up, *entries))

    def _entries(self, conv: str, events: Sequence[Mapping[str, Any]], place: str) -> list[Entry]:
        """Return the entries of a sync or a page; after the last one, the room continues there."""
        entries = [api.entry_of(conv, event) for event in events if api.is_message(event)]
        if entries and place:
            places = self._places.setdefault(conv, {})
            places[entries[-1].id] = place
            if len(places) > _PLACES_MAX:
                del places[next(iter(places))]
        return entries

    def send(self, conv: str, client_msg_id: str, body: str) -> base.Call[base.Sent]:
        room = self._rooms.get(conv)
        if room is None:
            return base.Immediate(base.Sent("no"))
        request = api.send(room, client_msg_id, body, self._token)
        return OverHttp(request, api.read_sent)

    def history(self, conv: str, after: base.Cursor, limit: int) -> base.Call[base.Page]:
        room = self._rooms.get(conv)
        if room is None:
            raise ProtocolError(f"there is no room for {conv}")
        # Without a token the history is read from its beginning, and known entries are repeated.
        place = self._places.get(conv, {}).get(str(after), "")
        request = api.messages(room, place, limit, self._token)
        return OverHttp(request, lambda response: self._on_page(conv, response))

    def _on_page(self, conv: str, response: Response) -> base.Page:
        if api.lacks_room(response):
            # All members have joined before the load, and no one leaves: the server has lost the
            # room, with its messages.
            return base.Page(entries=[])
        content = api.content_of(response)
        end = content.get("end")
        return base.Page(
            entries=self._entries(conv, content["chunk"], str(end or "")), more=bool(end)
        )


class _Poll(NamedTuple):
    """A request, and what its response means."""

    request: Request
    reader: Callable[[Response], Event]
