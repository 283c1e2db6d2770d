"""Which services share a process, and how many processes of each kind there are."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.core.config import SERVICES, Service

_Count = Annotated[int, msgspec.Meta(ge=0, le=32)]
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TAKEN = ("client", "edge", "registry", "broker", "messages-db", "users-db")

# One process holds what a second one would not see: who is present, and on `embedded` the writer
# that orders all commits of the messages DB.
_ONE_ONLY = {"embedded": ("message", "room"), "full": ("room",)}


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role: what each of its `count` processes hosts."""

    services: tuple[Service, ...]
    count: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Roles by name; in each environment `edges` that start with it and `spare` more."""

    processes: dict[str, Process]
    edges: Annotated[int, msgspec.Meta(ge=1, le=32)] = 2
    spare: _Count = 1


_SOCIAL = Process(("sessions", "friend", "sticker"))
_SPLIT = Layout(
    {
        "message": Process(("message",)),
        "room": Process(("room",)),
        "sessions": Process(("sessions",)),
        "friend": Process(("friend",)),
        "sticker": Process(("sticker",)),
        "gateway": Process(("gateway",), count=2),
    }
)


def _default(gateways: int) -> dict[str, Layout]:
    room, message = Process(("room",)), Process(("message",))
    apart = {"message": message, "room": room, "social": _SOCIAL}
    return {
        "embedded": Layout({**apart, "gateway": Process(("gateway",), gateways)}),
        "full": Layout(
            {
                "room": room,
                "social": _SOCIAL,
                "gateway": Process(("gateway", "message"), gateways),
            }
        ),
    }


# By name, then by stack.
LAYOUTS: dict[str, dict[str, Layout]] = {
    "default": _default(gateways=2),
    "single": _default(gateways=1),
    "split": {"embedded": _SPLIT, "full": _SPLIT},
}


def choose(stack: str, wanted: str | Mapping[str, Any]) -> Layout:
    """A layout by its name, or the one that is written out; RequestError names the key."""
    if isinstance(wanted, str):
        if wanted not in LAYOUTS:
            raise RequestError(f"layout: found {wanted!r}; allowed: {', '.join(LAYOUTS)}")
        return LAYOUTS[wanted][stack]
    processes = wanted.get("processes")
    if not isinstance(processes, dict):
        raise RequestError("layout.processes: found none; it maps each role to its services")
    roles = {
        role: _convert(each, Process, f"layout.processes.{role}")
        for role, each in processes.items()
    }
    layout: Layout = _convert({**wanted, "processes": {}}, Layout, "layout")
    return replace(layout, processes=roles)


def check(stack: str, layout: Layout) -> None:
    """RequestError if this layout cannot serve on this stack."""
    hosted: dict[str, int] = dict.fromkeys(SERVICES, 0)
    for role, process in layout.processes.items():
        where = f"layout.processes.{role}"
        if not _ROLE.fullmatch(role) or role in _TAKEN:
            raise RequestError(f"{where}: not the name of a role of one's own, such as chat-core")
        if role in SERVICES and role not in process.services:
            raise RequestError(f"{where}.services: a role of a service's name must host it")
        if not process.services or "edge" in process.services:
            raise RequestError(f"{where}.services: one or more services; edges have their own key")
        for service in set(process.services):
            hosted[service] += process.count
    for name, count in hosted.items():
        if name != "edge" and not count:
            raise RequestError(f"layout.processes: no role hosts {name}")
        if name in _ONE_ONLY[stack] and count > 1:
            found = f"{count} processes host {name}"
            raise RequestError(f"layout.processes: {found}; allowed on {stack}: 1")


def _convert(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"{where}: {error}") from error
