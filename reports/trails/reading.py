"""Reads the trails of a run; a file that is damaged or unfinished counts as none, with a reason."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.reports.history.arrays import NEVER

ACCEPTED, COMMITTED, PUBLISHED = "accepted", "committed", "published"
RECEIVED, PUSHED, STORED = "received", "pushed", "stored"
# The fields that name the positions of a row.
_KEYS = {
    COMMITTED: ("conv",),
    PUBLISHED: ("conv", "edge"),
    RECEIVED: ("conv",),
    PUSHED: ("conv", "user", "device"),
    STORED: ("conv",),
}
# Components that are no processes of the server itself, and keep no trail.
_STORES = frozenset({"messages-db", "users-db", "registry", "broker"})
_DAMAGE = (HistoryError, LookupError, TypeError, ValueError)

Key = tuple[str, ...]


class Intervals:
    """Positions as sorted intervals that do not touch."""

    def __init__(self, bounds: Iterable[Iterable[int]]) -> None:
        pairs = [(int(first), int(last)) for first, last in bounds]
        self._firsts = [first for first, _ in pairs]
        self._lasts = [last for _, last in pairs]

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self._firsts, seq) - 1
        return at >= 0 and seq <= self._lasts[at]


@dataclass(frozen=True)
class Trail:
    """What one process remembers, or what a store holds; `full` are the parts with gaps."""

    name: str
    services: frozenset[str] = frozenset()
    pid: int = 0
    full: frozenset[str] = frozenset()
    accepted: frozenset[Key] = frozenset()  # conversation, sender, id of sends without a commit
    positions: Mapping[str, Mapping[Key, Intervals]] = field(default_factory=dict)

    def has(self, part: str, key: Key, seq: int) -> bool:
        """Return whether a part has a position."""
        found = self.positions.get(part, {}).get(key)
        return found is not None and seq in found


@dataclass(frozen=True)
class ProcessLife:
    """One process of a component, from the end of its predecessor to its own; it may lack a trail.

    `ended` is how it ended, if the cluster saw that.
    """

    component: str
    from_ns: int
    to_ns: int
    ended: str
    trail: Trail | None


@dataclass(frozen=True)
class Trails:
    """All trails of a run; `store` is None if it is not known what the messages DB holds."""

    lives: tuple[ProcessLife, ...]
    store: Trail | None
    damaged: tuple[str, ...] = ()

    def hosting(self, service: str) -> list[ProcessLife]:
        """Return the processes that host a service, or may: those whose role is not known."""
        roles: dict[str, frozenset[str]] = {}
        for life in self.lives:
            if life.trail is not None:
                roles[_role(life.component)] = life.trail.services
        return [
            life for life in self.lives if service in roles.get(_role(life.component), {service})
        ]


def read_trails(run: RunDir, rows: Iterable[Mapping[str, Any]]) -> Trails | None:
    """Return the trails of a run, whose events are `rows`; None if its server left none."""
    if run.server.is_symlink() or not run.server.is_dir():
        return None
    found: list[Trail] = []
    damaged: list[str] = []
    for file in sorted(run.server.glob("*.jsonl")):
        try:
            found.append(_read(file))
        except _DAMAGE as error:
            damaged.append(f"{file.name} cannot be read: {str(error)[:200] or 'it is damaged'}")
    processes = {trail.pid: trail for trail in found if trail.pid}
    store = next((trail for trail in found if not trail.pid), None)
    if not found and not damaged:
        return None
    return Trails(tuple(_lives(rows, processes)), store, tuple(damaged))


def _read(file: Path) -> Trail:
    rows = read_jsonl(file)
    head = next(rows, None)
    if head is None:
        raise ValueError("it is empty")
    accepted: set[Key] = set()
    positions: dict[str, dict[Key, Intervals]] = {part: {} for part in _KEYS}
    count = 1
    for row in rows:
        count += 1
        part = row["row"]
        if part == "end":
            if row["rows"] != count:
                raise ValueError(f"it must have {row['rows']} rows; it has {count}")
            break
        if part == ACCEPTED:
            accepted.add((str(row["conv"]), str(row["sender"]), str(row["id"])))
        elif part in _KEYS:
            key = tuple(str(row[name]) for name in _KEYS[part])
            positions[part][key] = Intervals(row["seqs"])
    else:
        raise ValueError("its last row is missing")
    is_process = head["row"] == "process"
    return Trail(
        name=str(head["name"]),
        services=frozenset(head["services"]) if is_process else frozenset(),
        pid=int(head["pid"]) if is_process else 0,
        full=frozenset(head["full"]),
        accepted=frozenset(accepted),
        positions=positions,
    )


def _lives(rows: Iterable[Mapping[str, Any]], trails: Mapping[int, Trail]) -> list[ProcessLife]:
    """Return the processes that the cluster started, with the trail that each of them left."""
    running: dict[str, tuple[int, int]] = {}  # the start and the pid of each component's process
    free_ns: dict[str, int] = {}  # when the last process of a component ended
    lives: list[ProcessLife] = []

    def end(component: str, to_ns: int, how: str) -> None:
        from_ns, pid = running.pop(component)
        trail = trails.get(pid)
        known = trail if trail is not None and trail.name == component else None
        lives.append(ProcessLife(component, from_ns, to_ns, how, known))
        free_ns[component] = to_ns

    for row in rows:
        if row["kind"] != "component" or not isinstance(row.get("pid"), int):
            continue
        component, at_ns = str(row["component"]), int(row["t_ns"])
        if component.removesuffix("-standby") in _STORES:
            continue
        if row["event"] == "started":
            if component in running:  # it was stopped in good order, which is no event
                end(component, at_ns, "stopped")
            running[component] = free_ns.get(component, 0), row["pid"]
        elif row["event"] in ("killed", "exited") and component in running:
            end(component, at_ns, row["event"])
    for component in tuple(running):
        end(component, NEVER, "")
    return lives


def _role(component: str) -> str:
    """Return the role of a component: all edges have the same."""
    return "edge" if component.startswith("edge-") else component.rpartition("-")[0] or component
