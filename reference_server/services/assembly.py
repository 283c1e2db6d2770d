"""Creates the services of one process and opens the databases, registry and bus that they use."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol, TypeVar

from gauntlet.reference_server import bus, registry
from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.registry.base import Registry
from gauntlet.reference_server.services.base import Hosted, ServiceContext
from gauntlet.reference_server.services.friend import FriendService
from gauntlet.reference_server.services.login import LoginService
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.room import RoomService
from gauntlet.reference_server.services.sticker import StickerService
from gauntlet.reference_server.store import open_messages, open_users
from gauntlet.reference_server.store.base import MessageStore, UsersStore


class _Closable(Protocol):
    async def close(self) -> None: ...


R = TypeVar("R", bound=_Closable)


class Resources:
    """Opens the databases, registry clients and bus of one process, and closes all of them."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context
        self._config = context.config
        self._opened: list[_Closable] = []

    @cached_property
    def users(self) -> UsersStore:
        """The users DB, shared by all services: a SQLite file has one owner with one writer."""
        users = open_users(self._config.users_db, self._config.settings.db_timeout_ms)
        self.context.probes["users_db"] = users.environment
        return self._closed_later(users)

    def open_messages(self) -> MessageStore:
        """Open the messages DB."""
        url, timeout_ms = self._config.messages_db, self._config.settings.db_timeout_ms
        return self._closed_later(open_messages(url, timeout_ms))

    def open_registry(self) -> Registry:
        """Open a registry client.

        Each service has its own: after a failure a client refuses calls for a moment, and the
        failed call of one service should not affect another one.
        """
        url, lease_ms = self._config.registry, self.context.lease_ms
        return self._closed_later(registry.connect(url, lease_ms=lease_ms))

    def open_bus(self) -> Bus:
        """Open the bus."""
        return self._closed_later(bus.connect(self._config.bus))

    async def close(self) -> None:
        """Close everything that was opened, the last one first."""
        while self._opened:
            await self._opened.pop().close()

    def _closed_later(self, resource: R) -> R:
        self._opened.append(resource)
        return resource


def _message(resources: Resources) -> Hosted:
    store, registry_client = resources.open_messages(), resources.open_registry()
    return MessageService(resources.context, store, registry_client, resources.open_bus())


def _room(resources: Resources) -> Hosted:
    return RoomService(resources.context, resources.open_registry())


def _sessions(resources: Resources) -> Hosted:
    return LoginService(resources.context, resources.users, resources.open_registry())


def _friend(resources: Resources) -> Hosted:
    return FriendService(resources.users)


def _sticker(resources: Resources) -> Hosted:
    return StickerService(resources.users)


# By the names that a process configuration uses.
SERVICES: Mapping[str, Callable[[Resources], Hosted]] = {
    "message": _message,
    "room": _room,
    "sessions": _sessions,
    "friend": _friend,
    "sticker": _sticker,
}
