"""An independent client of the reference server, written from docs/reference/protocol.md alone.

It shares no code with the load engine and none with the server. A device keeps a WebSocket open,
reconnects whenever it is lost, and reads from the history what the server does not push. A sender
repeats a message under its id until it is answered.
"""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.resilience.observations import Connection, Device, Entry, Sent

_TRY_S = 3.0  # of one HTTP call
_RETRY_S = (0.05, 0.3)
_PAGE = 500
_FRAME_BYTES_MAX = 2**20
_CURSORS_MAX = 1_000
_ONLINE_S = 120.0  # also enough for a busy machine

# What a server that is being killed may cause; everything else is an error of this client.
BROKEN = (aiohttp.ClientError, WebSocketException, OSError, EOFError, TimeoutError, ValueError)


class NotServed(Exception):
    """The server did not do in time what every run needs before it begins."""


@contextlib.asynccontextmanager
async def limited(seconds: float, failure: str) -> AsyncIterator[None]:
    """Raise NotServed with the text `failure` if the block takes longer."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise NotServed(f"{failure} within {seconds:g} s") from None


class Account:
    """One device of a user: its token, and calls to the HTTP API through any gateway."""

    def __init__(
        self, http: aiohttp.ClientSession, api: Sequence[str], user: str, device: str
    ) -> None:
        self.user, self.device = user, device
        self._http, self._api = http, api
        self._token = ""
        self._random = random.Random(f"{user}/{device}")

    @property
    def token(self) -> str:
        """The token of the last login."""
        return self._token

    async def log_in(self) -> str:
        """Log in until it succeeds; return the address of the edge to connect to."""
        while True:
            with contextlib.suppress(*BROKEN):
                body = {"user": self.user, "device": self.device}
                status, answer = await self.call("POST", "/v1/sessions", body)
                if status == 200:
                    self._token = answer["token"]
                    return str(answer["connect"]["url"])
            await self.pause()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        api: str = "",
        timeout_s: float = _TRY_S,
    ) -> tuple[int, dict[str, Any]]:
        """Call the API once; return the status and the answer."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        limit = aiohttp.ClientTimeout(total=timeout_s)
        url = (api or self._random.choice(self._api)) + path
        async with self._http.request(
            method, url, json=body, headers=headers, timeout=limit
        ) as answer:
            return answer.status, json.loads(await answer.read())

    async def insist(
        self, method: str, path: str, body: Any = None, *, api: str = ""
    ) -> dict[str, Any]:
        """Call the API until it succeeds; RuntimeError if it is refused for good."""
        while True:
            with contextlib.suppress(*BROKEN):
                status, answer = await self.call(method, path, body, api=api)
                if status in (200, 201):
                    return answer
                if status == 401:
                    await self.log_in()
                elif not answer["error"]["temporary"]:
                    raise RuntimeError(f"{method} {path}: {status} {answer}")
            await self.pause()

    async def pause(self) -> None:
        """Wait for a moment before the next try."""
        await asyncio.sleep(self._random.uniform(*_RETRY_S))

    async def history(self, conv: str, after: int = 0, *, api: str = "") -> list[Entry]:
        """Return all entries of a conversation after a position."""
        found: list[Entry] = []
        while True:
            path = f"/v1/conversations/{conv}/messages?after={after}&limit={_PAGE}"
            answer = await self.insist("GET", path, api=api)
            page = answer["messages"]
            found += [entry_of(conv, row) for row in page]
            if not page or not (answer.get("more") or len(page) == _PAGE):
                return found
            after = page[-1]["seq"]


def entry_of(conv: str, row: dict[str, Any]) -> Entry:
    """Return an entry of the history, or the content of a push."""
    if "event" in row:
        return Entry(conv, row["seq"], row["user"], "", row["event"])
    return Entry(conv, row["seq"], row["sender"], row["client_msg_id"], row["body"])


class Receiver:
    """A device that stays online, and notes everything that it receives."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.seen = Device(account.user, account.device)
        self._reached: dict[str, int] = {}
        self._reads: set[asyncio.Task[None]] = set()
        self._online = asyncio.Event()
        self._socket: ClientConnection | None = None

    def drop(self) -> None:
        """Cut the connection, as a network does that is lost; `stay` opens another one."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def wait_online(self, within_s: float = _ONLINE_S) -> None:
        """Wait for the first connection; NotServed if it takes too long."""
        name = f"{self.account.user}/{self.account.device}"
        async with limited(within_s, f"{name} was not online"):
            await self._online.wait()

    @property
    def is_reading(self) -> bool:
        """Whether entries of the history are still to arrive."""
        return bool(self._reads)

    async def stay(self) -> None:
        """Connect, and reconnect, until this task is cancelled."""
        try:
            while True:
                url = await self.account.log_in()
                while url:
                    url = await self._connect(url)
                await self.account.pause()
        finally:
            for task in self._reads:
                task.cancel()

    async def _connect(self, url: str) -> str:
        """Stay on one connection to its end; return where the server wants the next one."""
        try:
            async with connect(
                url,
                subprotocols=["im.v1.json"],  # type: ignore[list-item]  # a NewType of str
                compression=None,
                proxy=None,
                ping_interval=None,
                open_timeout=_TRY_S,
                close_timeout=0.2,
                max_size=_FRAME_BYTES_MAX,
            ) as self._socket:
                return await self._listen(self._socket)
        except BROKEN:
            return ""

    async def _listen(self, socket: ClientConnection) -> str:
        hello = {
            "token": self.account.token,
            "device": self.account.device,
            "cursors": dict(itertools.islice(self._reached.items(), _CURSORS_MAX)),
        }
        await socket.send(json.dumps({"connect": hello}))
        silence_s = _TRY_S
        heads: dict[str, int] = {}
        connection: Connection | None = None
        while True:
            frame = json.loads(await asyncio.wait_for(socket.recv(), silence_s))
            ((kind, content),) = frame.items()
            if kind == "heads":
                heads |= content["heads"]
            elif kind == "connected":
                heads |= content["heads"]
                silence_s = (content["ping_ms"] + content["pong_ms"]) / 1000
                connection = Connection(self.account.user, heads)
                self.seen.connections.append(connection)
                self._online.set()
                for conv, head in heads.items():
                    self._read_from(conv, self._reached.get(conv, 0), head)
            elif kind == "ping":
                await socket.send('{"pong":{}}')
            elif kind == "reconnect":
                await asyncio.sleep(content["delay_ms"] / 1000)
                return str(content["url"])
            elif connection is not None:
                self._take(connection, kind, content)

    def _take(self, connection: Connection, kind: str, content: dict[str, Any]) -> None:
        if kind in ("msg", "room"):
            entry = entry_of(content["conv"], content)
            connection.frames.append(entry)
            self._reached[entry.conv] = max(self._reached.get(entry.conv, 0), entry.seq)
        elif kind == "gap":
            connection.frames.append((content["conv"], content["to"]))
            self._read_from(content["conv"], content["from"] - 1, content["to"])

    def _read_from(self, conv: str, after: int, head: int) -> None:
        """Read a part of the history beside the pushes, which go on."""
        if head <= after:
            return
        self._reached[conv] = max(self._reached.get(conv, 0), head)

        async def read() -> None:
            self.seen.read += await self.account.history(conv, after)

        task = asyncio.create_task(read())
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)


class Sender:
    """A user who writes one message after the other, each until it is answered."""

    def __init__(self, account: Account, convs: Sequence[str], pause_s: float) -> None:
        self.sent: list[Sent] = []
        self._account, self._convs, self._pause_s = account, convs, pause_s
        self._random = random.Random(f"{account.user}/sends")

    async def send_until(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, and then until the last message is answered."""
        while not stop.is_set():
            await asyncio.sleep(self._random.expovariate(1 / self._pause_s))
            await self.send_one()

    async def send_one(self) -> Sent:
        """Send a message until it is answered."""
        number = f"{self._account.user}-{len(self.sent)}"
        message = Sent(
            conv=self._random.choice(self._convs),
            sender=self._account.user,
            message=number,
            body=f"{number}: {self._random.getrandbits(64):x}",
            sent_s=time.monotonic(),
        )
        self.sent.append(message)
        await self._send(message)
        return message

    async def _send(self, message: Sent) -> None:
        path = f"/v1/conversations/{message.conv}/messages"
        content = {"client_msg_id": message.message, "body": message.body}
        while message.acked_s is None and not message.refused:
            message.attempts += 1
            with contextlib.suppress(*BROKEN):
                status, answer = await self._account.call("POST", path, content)
                if status in (200, 201):
                    message.seq, message.acked_s = answer["seq"], time.monotonic()
                    return
                if status == 401:
                    await self._account.log_in()
                elif not answer["error"]["temporary"]:
                    message.refused = True
                    message.unsure = message.attempts > 1 or answer["error"]["stored"] != "no"
            await self._account.pause()
