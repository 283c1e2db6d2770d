"""The message service: sends, history, heads; and what the other processes ask of it.

Follow a send: `send` → `append` → group commit → the store's transaction → the answer, and
`_committed` → fan-out.
"""

import asyncio
import time
from collections import defaultdict
from typing import Annotated, Literal

import msgspec

from gauntlet.reference_server import bus, registry
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.wire import (
    Entry,
    EntryPage,
    direct_members,
    history_view,
    is_room,
)
from gauntlet.reference_server.http.messages import Request, Response, Router, reply
from gauntlet.reference_server.http.service_client import BUNDLE
from gauntlet.reference_server.services.base import Context
from gauntlet.reference_server.services.group_commit import GroupCommit
from gauntlet.reference_server.services.publisher import Fanout
from gauntlet.reference_server.services.send_policy import Checks
from gauntlet.reference_server.store import open_messages
from gauntlet.reference_server.store.base import Append, Outcome, Stored

PAGE = 200
PAGE_MAX = 1000
SEQ_MAX = 2**53  # what JSON numbers hold exactly

_unpack = msgspec.msgpack.Decoder(list[Request]).decode
ClientMsgId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Send(msgspec.Struct):
    client_msg_id: ClientMsgId
    body: str | None = None
    sticker: str | None = None


class _Sent(msgspec.Struct, omit_defaults=True):
    conv: str
    seq: int
    msg_id: str
    ts: int
    dup: bool = False


class Event(msgspec.Struct):
    """A room event that the room service wants sequenced; `key` is its identity."""

    conv: str
    event: Literal["added", "removed", "entered", "exited"]
    user: str
    key: str
    by: str = ""
    connection: str = ""


class Position(msgspec.Struct):
    """The position that an event has; `dup`: there was nothing left to write."""

    conv: str
    seq: int
    dup: bool = False


class MessageService:
    """Everything that touches the messages DB."""

    def __init__(self, context: Context) -> None:
        config, settings = context.config, context.config.settings
        self._store = open_messages(config.messages_db, settings.db_timeout_ms)
        self._registry = registry.connect(config.registry, lease_ms=context.lease_ms)
        self._bus = bus.connect(config.bus)
        self._fanout = Fanout(self._registry, self._bus, context.metrics)
        context.probes.update(
            messages_db=lambda: self._store.heads_of(""),
            registry=self._registry.edges,
            bus=self._fanout.probe,
        )
        self._commits = GroupCommit(
            self._store, settings.batch_max, settings.batch_ms, self._committed
        )
        self._checks = Checks(context.client)
        self._polling: asyncio.Task[None] | None = None
        self._metrics = context.metrics
        self._metrics.gauge("publish_queue", lambda: self._fanout.queued)
        self._metrics.gauge("publish_skipped", lambda: self._fanout.counts["skipped"])
        self.router = Router(
            {
                ("POST", "/v1/conversations/{conv}/messages"): self.send,
                ("GET", "/v1/conversations/{conv}/messages"): self.history,
                ("GET", "/v1/heads"): self.heads,
                ("POST", BUNDLE): self.bundle,
                ("POST", "/internal/events"): self.event,
                ("GET", "/internal/users/{user}/heads"): self.heads_of,
                ("GET", "/internal/conversations/{conv}/entries"): self.entries,
                ("GET", "/internal/heads"): self.heads_since,
                ("GET", "/internal/rooms/{conv}"): self.room,
                ("GET", "/internal/present"): self.present,
            }
        )

    async def start(self) -> None:
        self._fanout.start()
        self._polling = asyncio.create_task(self._checks.run())

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        await self._commits.close()
        await self._fanout.close()
        await self._bus.close()
        await self._registry.close()
        await self._store.close()

    async def append(self, wish: Append) -> Outcome:
        """The outcome of a wish, once committed and not before."""
        began = time.monotonic()
        outcome = await self._commits.submit(wish)
        self._metrics.observe("commit_ms", 1000 * (time.monotonic() - began))
        return outcome

    async def read(self, conv: str, after: int, limit: int) -> tuple[list[Entry], int]:
        """The entries behind a position, and the head."""
        return await self._store.entries(conv, after, limit)

    async def send(self, request: Request) -> Response:
        """201 once committed; 200 with `dup` for a message that is known."""
        sent = request.json(_Send)
        conv, content = _conv(request), sent.body or sent.sticker or ""
        if (sent.body is None) == (sent.sticker is None):
            raise ApiError("bad_request", "a message has either a body or a sticker")
        if "\0" in sent.client_msg_id or "\0" in content:
            raise ApiError("bad_request", "text may not hold U+0000")
        kind = "msg" if sent.sticker is None else "sticker"
        refused = self._checks.refusal(conv, request.user, sent.sticker)
        wish = Append(conv, sent.client_msg_id, request.user, content, kind, refused=refused)
        stored = _stored(await self.append(wish))
        entry = stored.entry
        answer = _Sent(entry.conv, entry.seq, entry.msg_id, entry.ts, stored.dup)
        return reply(answer, 200 if stored.dup else 201)

    async def bundle(self, request: Request) -> Response:
        """Many sends, each answered as if it were alone."""
        sends = _unpack(request.body)
        answers = await asyncio.gather(*map(self.router.handle, sends))
        return Response(200, msgspec.msgpack.encode(answers))

    async def history(self, request: Request) -> Response:
        """What a member may read: everything since he became one."""
        conv, after, limit = _range(request)
        while True:
            entries, head = await self.read(conv, after, limit)
            # After the read: a removal meanwhile must not let through what was committed since.
            since = await self._since(conv, request.user)
            if after >= since - 1:
                break
            after = since - 1
        return reply({"messages": [history_view(entry) for entry in entries], "head": head})

    async def heads(self, request: Request) -> Response:
        """The heads of the caller's conversations."""
        return reply({"heads": (await self._store.heads_of(request.user)).heads})

    async def event(self, request: Request) -> Response:
        """Append a room event."""
        event = request.json(Event)
        fields = msgspec.structs.asdict(event)
        wish = Append(client_msg_id=fields.pop("key"), **fields)
        stored = _stored(await self.append(wish))
        return reply(Position(event.conv, stored.entry.seq, stored.dup))

    async def heads_of(self, request: Request) -> Response:
        """The heads of a user's conversations, for his edge."""
        return reply(await self._store.heads_of(request.params["user"]))

    async def entries(self, request: Request) -> Response:
        """A range of a conversation, for an edge's repair."""
        return reply(EntryPage(*await self.read(*_range(request))))

    async def heads_since(self, request: Request) -> Response:
        """What changed since a watermark, for the edges' poll."""
        return reply(await self._store.heads_since(request.number("since", 0, 2**63)))

    async def room(self, request: Request) -> Response:
        """Members and attendance of a room."""
        conv = _conv(request)
        room = await self._store.room(conv)
        if room is None:
            raise ApiError("not_found", f"no conversation {conv}")
        return reply(room)

    async def present(self, request: Request) -> Response:
        """Everyone's attendance, for a room service that starts."""
        return reply(await self._store.present())

    def _committed(self, outcomes: list[Outcome]) -> None:
        entries: list[Entry] = []
        members: defaultdict[str, set[str]] = defaultdict(set)
        for outcome in outcomes:
            if isinstance(outcome, Stored) and not outcome.dup:
                entries.append(outcome.entry)
                members[outcome.entry.conv].update(outcome.members)
        self._metrics.add("commits_total")
        self._metrics.add("rows_total", len(entries))
        if entries:
            self._fanout.offer(entries, {conv: tuple(users) for conv, users in members.items()})

    async def _since(self, conv: str, user: str) -> int:
        if user in (direct_members(conv) or ()):
            return 1
        since = await self._store.member_since(conv, user)
        if since is None:
            raise ApiError("forbidden", f"{user} is not a member of {conv}")
        return since


def _stored(outcome: Outcome) -> Stored:
    if isinstance(outcome, Stored):
        return outcome
    raise ApiError(outcome.code, outcome.message)


def _conv(request: Request) -> str:
    conv = request.params["conv"]
    if not is_room(conv) and (len(conv) > wire.DIRECT_CHARS_MAX or direct_members(conv) is None):
        raise ApiError("not_found", f"no conversation {conv}")
    return conv


def _range(request: Request) -> tuple[str, int, int]:
    after = request.number("after", 0, SEQ_MAX)
    return _conv(request), after, request.number("limit", PAGE, PAGE_MAX)
