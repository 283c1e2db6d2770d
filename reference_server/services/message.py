"""The message service: sends, history and heads, and the internal calls of other processes.

The path of a send: `send` → `append` → group commit → the store's transaction → the response;
then `_on_commit` → fan-out.
"""

import asyncio
import time
from collections import defaultdict

import msgspec

from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import RoomEventPosition, RoomEventRequest
from gauntlet.reference_server.core.wire import (
    DIRECT_CHARS_MAX,
    HEADS_MAX,
    Entry,
    EntryPage,
    direct_members,
    history_view,
    is_room,
)
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.http.service_client import BUNDLE_PATH
from gauntlet.reference_server.registry.base import Registry
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.group_commit import GroupCommit
from gauntlet.reference_server.services.publisher import Fanout
from gauntlet.reference_server.services.send_policy import SendPolicy
from gauntlet.reference_server.services.send_values import SendBody, SendResult
from gauntlet.reference_server.store.base import (
    PAGE_CHARS_MAX,
    AppendRequest,
    MessageStore,
    Outcome,
    Refused,
    Stored,
    StoreDown,
)

PAGE_DEFAULT = 200
PAGE_MAX = 1000
PAGES_MAX = 16  # of the pages that are read and encoded at the same time
PAGE_WAIT_S = 5.0  # in which the turn of a page must come
FAILING_S = 5.0  # how long a failed commit counts unless another one succeeds
SEQ_MAX = 2**53  # JSON numbers are exact up to here

_unpack = msgspec.msgpack.Decoder(list[Request]).decode


class MessageService:
    """Everything that reads or writes the messages DB; a `base.Hosted`."""

    def __init__(
        self, context: ServiceContext, store: MessageStore, registry: Registry, bus: Bus
    ) -> None:
        settings = context.config.settings
        self._metrics = context.metrics
        self._store = store
        self._trail = context.trail
        self._fanout = Fanout(registry, bus, context.metrics, context.trail)
        self._commits = GroupCommit(store, settings.batch_max, settings.batch_ms, self._on_commit)
        self._policy = SendPolicy(context.client)
        self._pages = asyncio.Semaphore(PAGES_MAX)
        self._polling: asyncio.Task[None] | None = None
        context.probes.update(
            messages_db=self._probe_database,
            registry=registry.edges,
            bus=self._fanout.probe,
        )
        self._metrics.gauge("publish_queue", lambda: self._fanout.queued)
        self._metrics.gauge("publish_skipped", lambda: self._fanout.counts["skipped"])
        self.router = Router(
            {
                ("POST", "/v1/conversations/{conv}/messages"): self.send,
                ("GET", "/v1/conversations/{conv}/messages"): self.history,
                ("GET", "/v1/heads"): self.heads,
                ("POST", BUNDLE_PATH): self.bundle,
                ("POST", "/internal/events"): self.append_event,
                ("GET", "/internal/users/{user}/heads"): self.heads_of,
                ("GET", "/internal/conversations/{conv}/entries"): self.entries,
                ("GET", "/internal/heads"): self.heads_since,
                ("GET", "/internal/rooms/{conv}"): self.room,
                ("GET", "/internal/present"): self.present,
            }
        )

    async def start(self) -> None:
        """Start publishing, and polling what a send is checked against."""
        self._fanout.start()
        self._polling = asyncio.create_task(self._policy.run())

    async def close(self) -> None:
        """Finish the sends that were accepted."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        await self._commits.close()
        await self._fanout.close()

    async def append(self, request: AppendRequest) -> Outcome:
        """Return the outcome of a request after its commit, never before."""
        began = time.monotonic()
        outcome = await self._commits.submit(request)
        self._metrics.observe("commit_ms", 1000 * (time.monotonic() - began))
        if self._trail is not None:
            if isinstance(outcome, Stored):
                self._trail.commit(outcome.entry)
            else:
                self._trail.refuse(request.conv, request.sender, request.client_msg_id)
        return outcome

    async def read(self, conv: str, after: int, limit: int) -> tuple[list[Entry], int]:
        """Return the entries after a position, and the head; waits while many others read.

        StoreDown after `PAGE_WAIT_S`, so that reads do not pile up while the database hangs.
        """
        try:
            async with asyncio.timeout(PAGE_WAIT_S):
                await self._pages.acquire()
        except TimeoutError:
            raise StoreDown from None
        try:
            return await self._store.entries(conv, after, limit)
        finally:
            self._pages.release()

    async def _probe_database(self) -> None:
        """Raise ApiError if the messages DB cannot be read, or if commits fail."""
        await self._store.heads_of("", "", 1)
        if (failed_s := self._commits.failed_s) is None:
            return
        if time.monotonic() - failed_s < FAILING_S:
            raise StoreDown
        # No one has sent since. A read would not show that the disk is full, for example.
        await self._store.try_write()
        self._commits.failed_s = None

    async def send(self, request: Request) -> Response:
        """Return 201 after the commit, or 200 with `dup` for a message that is stored already."""
        message = request.json(SendBody)
        conv, content = _conv(request), message.body or message.sticker or ""
        if (message.body is None) == (message.sticker is None):
            raise ApiError("bad_request", "a message has either a body or a sticker")
        if "\0" in message.client_msg_id or "\0" in content:
            raise ApiError("bad_request", "text may not hold U+0000")
        kind = "msg" if message.sticker is None else "sticker"
        if self._trail is not None:
            self._trail.accept(conv, request.user, message.client_msg_id)
        rejection = self._policy.rejection(conv, request.user, message.sticker)
        append = AppendRequest(
            conv, message.client_msg_id, request.user, content, kind, refused=rejection
        )
        stored = _require_stored(await self.append(append))
        entry = stored.entry
        result = SendResult(entry.conv, entry.seq, entry.msg_id, entry.ts, stored.dup)
        return reply(result, 200 if stored.dup else 201)

    async def bundle(self, request: Request) -> Response:
        """Handle many sends; each gets the response that it would get alone."""
        sends = _unpack(request.body)
        responses = await asyncio.gather(*map(self.router.handle, sends))
        return Response(200, msgspec.msgpack.encode(responses))

    async def history(self, request: Request) -> Response:
        """Return what a member may read: everything since they became a member."""
        conv, after, limit = _parse_range(request)
        while True:
            entries, head = await self.read(conv, after, limit)
            # Checked after the read: a user who was removed meanwhile must not see what was
            # committed since.
            since = await self._member_since(conv, request.user)
            if after >= since - 1:
                break
            after = since - 1
        messages = [history_view(entry) for entry in entries]
        if _ended_early(entries, head):
            return reply({"messages": messages, "head": head, "more": True})
        return reply({"messages": messages, "head": head})

    async def heads(self, request: Request) -> Response:
        """Return a page of the heads of the caller's conversations."""
        after, limit = _after(request), request.query_number("limit", HEADS_MAX, HEADS_MAX)
        heads = (await self._store.heads_of(request.user, after, limit)).heads
        if heads and len(heads) == limit:
            return reply({"heads": heads, "next": next(reversed(heads))})
        return reply({"heads": heads})

    async def append_event(self, request: Request) -> Response:
        """Append a room event."""
        event = request.json(RoomEventRequest)
        fields = msgspec.structs.asdict(event)
        refused = self._refused_addition(event) if event.event == "added" else None
        append = AppendRequest(client_msg_id=fields.pop("key"), refused=refused, **fields)
        stored = _require_stored(await self.append(append))
        return reply(RoomEventPosition(event.conv, stored.entry.seq, stored.dup))

    def _refused_addition(self, event: RoomEventRequest) -> Refused | None:
        """Return why a user cannot be added by this one; the store checks the limits."""
        if event.by != event.user and self._policy.blocks(event.user, event.by):
            return Refused("forbidden", f"{event.by} is blocked by {event.user}")
        return None

    async def heads_of(self, request: Request) -> Response:
        """Return `HEADS_MAX` heads of a user's conversations, or the last ones, for their edge."""
        return reply(await self._store.heads_of(request.params["user"], _after(request), HEADS_MAX))

    async def entries(self, request: Request) -> Response:
        """Return a range of a conversation, for an edge's repair."""
        return reply(EntryPage(*await self.read(*_parse_range(request))))

    async def heads_since(self, request: Request) -> Response:
        """Return what changed since a watermark, for the edges' poll."""
        return reply(await self._store.heads_since(request.query_number("since", 0, 2**63 - 1)))

    async def room(self, request: Request) -> Response:
        """Return the members and attendance of a room."""
        conv = _conv(request)
        room = await self._store.room(conv)
        if room is None:
            raise ApiError("not_found", f"no conversation {conv}")
        return reply(room)

    async def present(self, request: Request) -> Response:
        """Return the attendance of all rooms, for a room service that starts."""
        return reply(await self._store.present())

    def _on_commit(self, outcomes: list[Outcome]) -> None:
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

    async def _member_since(self, conv: str, user: str) -> int:
        if user in (direct_members(conv) or ()):
            return 1
        since = await self._store.member_since(conv, user)
        if since is None:
            raise ApiError("forbidden", f"{user} is not a member of {conv}")
        return since


def _require_stored(outcome: Outcome) -> Stored:
    if isinstance(outcome, Stored):
        return outcome
    raise ApiError(outcome.code, outcome.message)


def _conv(request: Request) -> str:
    conv = request.params["conv"]
    if not _is_conversation(conv):
        raise ApiError("not_found", f"no conversation {conv}")
    return conv


def _after(request: Request) -> str:
    """Return the conversation behind which a page of heads begins; empty for the first page."""
    after = request.query.get("after", "")
    if after and not _is_conversation(after):
        raise ApiError("bad_request", "after must be the id of a conversation")
    return after


def _is_conversation(conv: str) -> bool:
    # The length first: `direct_members` caches what it is asked.
    is_direct = len(conv) <= DIRECT_CHARS_MAX and direct_members(conv) is not None
    return is_direct or is_room(conv)


def _parse_range(request: Request) -> tuple[str, int, int]:
    after = request.query_number("after", 0, SEQ_MAX)
    return _conv(request), after, request.query_number("limit", PAGE_DEFAULT, PAGE_MAX)


def _ended_early(entries: list[Entry], head: int) -> bool:
    """Whether a page ended before its limit and before the head, because its messages are large."""
    if not entries or entries[-1].seq >= head:
        return False
    return sum(len(entry.body) for entry in entries) > PAGE_CHARS_MAX
