"""Users with their conversations, who write to each other until they are told to stop."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

import aiohttp
import msgspec

from benchmarks.resilience.client import Account, Receiver, Sender, limited
from benchmarks.resilience.observations import Observations

_ROOM_SIZE = 5
_POLL_S = 0.2
_FOUNDED_S = 120.0  # also enough for a busy machine


class Population:
    """Users in a ring of direct conversations and in rooms; every third one has two devices.

    `pause_s` is the mean time between an answer and the next message of a user.
    """

    def __init__(
        self, http: aiohttp.ClientSession, api: Sequence[str], users: int, tag: str, pause_s: float
    ) -> None:
        self._api = api
        names = [f"{tag}-u{number:03}" for number in range(users)]
        self.members: dict[str, tuple[str, ...]] = {}
        for number, name in enumerate(names):
            pair = sorted((name, names[(number + 1) % users]))
            self.members[f"d.{pair[0]}.{pair[1]}"] = tuple(pair)
        for first in range(0, users, _ROOM_SIZE - 1):  # neighbouring rooms share a member
            room = {names[(first + offset) % users] for offset in range(_ROOM_SIZE)}
            self.members[f"r.{tag}-{first}"] = tuple(sorted(room))
        devices = [(name, "d0") for name in names] + [(name, "d1") for name in names[::3]]
        self.receivers = [Receiver(Account(http, api, *each)) for each in devices]
        self._accounts = {each.account.user: each.account for each in self.receivers[:users]}
        self.senders = [
            Sender(account, [conv for conv, who in self.members.items() if name in who], pause_s)
            for name, account in self._accounts.items()
        ]

    async def found(self, within_s: float = _FOUNDED_S) -> None:
        """Log in, and create the rooms; NotServed if that takes too long."""
        async with limited(within_s, "the users had not logged in and created their rooms"):
            await asyncio.gather(*(each.account.log_in() for each in self.receivers))
            for conv, members in self.members.items():
                if conv.startswith("r."):
                    for name in members:
                        path = f"/v1/rooms/{conv}/members/{name}"
                        await self._accounts[members[0]].insist("PUT", path)

    @property
    def acked(self) -> int:
        """The number of messages that were acknowledged so far."""
        return sum(each.acked_s is not None for sender in self.senders for each in sender.sent)

    async def observations(self) -> Observations:
        """Read every conversation at every gateway, and as a stranger; return all that was seen."""
        convs = [*self.members]
        stores = []
        for api in self._api:
            found = await asyncio.gather(
                *(self._accounts[self.members[c][0]].history(c, api=api) for c in convs)
            )
            stores.append(dict(zip(convs, found, strict=True)))
        return msgspec.structs.replace(
            self.unread(),
            stores=stores,
            open_to=[pair for conv in convs if (pair := await self._tried_by_stranger(conv))],
        )

    def unread(self) -> Observations:
        """Return what was seen without reading the conversations."""
        return Observations(
            members=self.members,
            sent=[each for sender in self.senders for each in sender.sent],
            devices=[each.seen for each in self.receivers],
        )

    async def _tried_by_stranger(self, conv: str) -> tuple[str, str] | None:
        """Return the conversation and a stranger who could read it; None if they were refused."""
        stranger = next(name for name in self._accounts if name not in self.members[conv])
        account = self._accounts[stranger]
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                status, answer = await account.call("GET", f"/v1/conversations/{conv}/messages")
                if status == 200:
                    return (conv, stranger)
                if not answer["error"]["temporary"] and status != 401:
                    return None
            await account.log_in()

    async def is_complete(self, within_s: float) -> bool:
        """Wait until all devices have all messages; false if that took too long."""
        return await reached(self._has_everything, within_s)

    def _has_everything(self) -> bool:
        stored = {
            (each.conv, each.seq)
            for sender in self.senders
            for each in sender.sent
            if each.seq is not None
        }
        for receiver in self.receivers:
            entries = receiver.seen.entries()
            mine = {conv for conv, who in self.members.items() if receiver.account.user in who}
            if any(seq not in entries.get(conv, {}) for conv, seq in stored if conv in mine):
                return False
        return not any(receiver.is_reading for receiver in self.receivers)


async def reached(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until a condition is true; false if it is not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
