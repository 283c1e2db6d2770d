"""Layouts: which services share a process, and how many processes each role has."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.core.config import SERVICES, Service

_Count = Annotated[int, msgspec.Meta(ge=0, le=32)]
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_STORES = ("registry", "broker", "messages-db", "users-db")
_RESERVED_ROLES = ("client", "edge", *_STORES, *(f"{name}-standby" for name in _STORES))

# Services whose state is in one process, where a second process would not see it: who is present,
# and on `embedded` the writer that orders all commits of the messages DB.
_SINGLE_PROCESS_SERVICES = {"embedded": ("message", "room"), "full": ("room",)}


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The services that each of the `count` processes of a role hosts."""

    services: tuple[Service, ...]
    count: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Roles by name; each environment starts with `edges` edges and has `spare` more."""

    processes: dict[str, Role]
    edges: Annotated[int, msgspec.Meta(ge=1, le=32)] = 2
    spare: _Count = 1


_SOCIAL = Role(("sessions", "friend", "sticker"))
_SPLIT = Layout(
    {
        "message": Role(("message",)),
        "room": Role(("room",)),
        "sessions": Role(("sessions",)),
        "friend": Role(("friend",)),
        "sticker": Role(("sticker",)),
        "gateway": Role(("gateway",), count=2),
    }
)


def _default(gateways: int) -> dict[str, Layout]:
    room, message = Role(("room",)), Role(("message",))
    separate = {"message": message, "room": room, "social": _SOCIAL}
    return {
        "embedded": Layout({**separate, "gateway": Role(("gateway",), gateways)}),
        "full": Layout(
            {
                "room": room,
                "social": _SOCIAL,
                "gateway": Role(("gateway", "message"), gateways),
            }
        ),
    }


# By the name of the layout, then by stack.
LAYOUTS: dict[str, dict[str, Layout]] = {
    "default": _default(gateways=2),
    "single": _default(gateways=1),
    "split": {"embedded": _SPLIT, "full": _SPLIT},
}


def choose(stack: str, requested: str | Mapping[str, Any]) -> Layout:
    """Return a layout by its name, or the one that an object defines; RequestError."""
    if isinstance(requested, str):
        if requested not in LAYOUTS:
            raise RequestError(f"layout: found {requested!r}; allowed: {', '.join(LAYOUTS)}")
        return LAYOUTS[requested][stack]
    processes = requested.get("processes")
    if not isinstance(processes, dict):
        raise RequestError("layout.processes: required; an object that maps roles to services")
    roles = {
        role: _convert(each, Role, f"layout.processes.{role}") for role, each in processes.items()
    }
    layout: Layout = _convert({**requested, "processes": {}}, Layout, "layout")
    return replace(layout, processes=roles)


def check(stack: str, layout: Layout) -> None:
    """Raise RequestError if this layout cannot work on this stack."""
    hosted: dict[str, int] = dict.fromkeys(SERVICES, 0)
    for role, process in layout.processes.items():
        where = f"layout.processes.{role}"
        if not _ROLE.fullmatch(role) or role in _RESERVED_ROLES:
            raise RequestError(
                f"{where}: reserved or malformed role name; use lower-case letters, digits and "
                "hyphens, for example chat-core"
            )
        if role in SERVICES and role not in process.services:
            raise RequestError(
                f"{where}.services: a role that has the name of a service must host that service"
            )
        if not process.services or "edge" in process.services:
            raise RequestError(
                f"{where}.services: name one or more services, without edge: `edges` sets how many "
                "edges there are"
            )
        for service in set(process.services):
            hosted[service] += process.count
    for name, count in hosted.items():
        if name != "edge" and not count:
            raise RequestError(f"layout.processes: no role hosts {name}")
        if name in _SINGLE_PROCESS_SERVICES[stack] and count > 1:
            raise RequestError(
                f"layout.processes: {count} processes host {name}; allowed on {stack}: 1"
            )


def _convert(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"{where}: {error}") from error
