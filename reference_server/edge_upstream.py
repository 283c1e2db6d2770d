"""What an edge asks of the message service and tells the room service, over internal HTTP."""

from itertools import count

import aiohttp
import msgspec

from reference_server import wire
from reference_server.config import Config


class UpstreamDown(Exception):
    """No instance of the service gave an answer."""


class UserHeads(msgspec.Struct):
    """A user's conversations, and the watermark from which changes are to be asked."""

    heads: dict[str, int]
    watermark: int


class ChangedHeads(msgspec.Struct):
    """Heads that changed since a watermark, and members of rooms whose membership did."""

    heads: dict[str, int]
    watermark: int
    members: dict[str, frozenset[str]] = {}


class AttendanceEvent(msgspec.Struct, omit_defaults=True):
    """What a user's connection did; `event` is enter, exit, leave, lost or back."""

    user: str
    connection: str
    event: str
    conv: str = ""


class Upstream:
    """Round robin over a service's instances; the next one is tried when one fails."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._turns = count()
        self._session = aiohttp.ClientSession(
            headers={"X-Internal": config.internal_token},
            timeout=aiohttp.ClientTimeout(total=config.settings.call_timeout_ms / 1000),
        )

    async def close(self) -> None:
        await self._session.close()

    async def heads(self, user: str) -> UserHeads:
        """The heads of a user's conversations. UpstreamDown."""
        data = await self._call("message", "GET", f"/internal/users/{user}/heads")
        return msgspec.json.decode(data, type=UserHeads)

    async def entries(self, conv: str, after: int, limit: int) -> wire.EntryPage:
        """One page of entries with `seq > after`. UpstreamDown."""
        path = f"/internal/conversations/{conv}/entries?after={after}&limit={limit}"
        return msgspec.json.decode(await self._call("message", "GET", path), type=wire.EntryPage)

    async def changed(self, since: int) -> ChangedHeads:
        """Heads and memberships that changed after a watermark. UpstreamDown."""
        data = await self._call("message", "GET", f"/internal/heads?since={since}")
        return msgspec.json.decode(data, type=ChangedHeads)

    async def attendance(self, events: list[AttendanceEvent]) -> None:
        """Tell the room service. UpstreamDown."""
        body = msgspec.json.encode({"edge": self._config.name, "events": events})
        await self._call("room", "POST", "/internal/attendance", body)

    async def _call(self, service: str, method: str, path: str, body: bytes | None = None) -> bytes:
        urls = self._config.urls.of(service)
        first = next(self._turns)
        failure = f"no {service} service is configured"
        for turn in range(len(urls)):
            url = urls[(first + turn) % len(urls)]
            try:
                async with self._session.request(method, url + path, data=body) as answer:
                    if answer.ok:
                        return await answer.read()
                    failure = f"{url} answered {answer.status}"
            except (TimeoutError, aiohttp.ClientError) as error:
                failure = f"{url}: {error!r}"
        raise UpstreamDown(failure)
