"""What may have ended a user's stay in a room: requests to exit, and times without a connection.

The two ends of a connection notice its end at different times. While a fault acts, and after a
connection that was not closed by its client, a user therefore counts as possibly disconnected from
the last push on that connection on.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Channel, Kind, RoomEvent
from gauntlet.core.scenario.secrets import Secret
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    equal,
    find,
    grouped,
    ints,
    is_any,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

GRACE_MS = 10_000  # the reference server's default `grace_ms`
PING_MS = 10_000  # and its default `ping_ms`
LEASE_PINGS = 3
DETECTION_NS = NS_PER_S
SETTLE_NS = 5 * NS_PER_S  # after a request or a fault, `exited` exists within this time
_PUSHES = (Kind.CONNECT, Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP, Kind.ARRIVED)


class Link(NamedTuple):
    """A connection of a user; `alive_ns` is until when the server surely counted it as alive."""

    number: int
    up_ns: int
    alive_ns: int
    down_ns: int


class Request(NamedTuple):
    """A request to exit a room, on a connection."""

    t_ns: int
    link: int


class Departures:
    """All requests to exit, by (conversation, user), and all connections by user.

    `grace_ns` is how long the server waits for a user who has no connection, 0 where unknown.
    `closed` are the numbers of the connections that their users closed.
    """

    def __init__(self, history: History) -> None:
        self.grace_ns, self.lease_ns = _server_times(history)
        self.requests: dict[tuple[int, int], list[Request]] = defaultdict(list)
        records = history.records
        asked = equal(records["kind"], Kind.ATTEND) & (records["sseq"] == RoomEvent.EXITED)
        for row in np.sort(records[asked], order="t_ns"):
            request = Request(int(row["t_ns"]), int(row["link"]))
            self.requests[int(row["conv"]), int(row["peer"])].append(request)
        self.links: dict[int, list[Link]] = defaultdict(list)
        known = history.sessions.connections
        self.closed = frozenset(known.link[known.left].tolist())
        columns = (known.user, known.link, known.up_ns, _alive_ns(history), known.down_ns)
        rows = zip(*columns, strict=True)
        for user, *link in rows:
            self.links[int(user)].append(Link(*map(int, link)))
        self._explanations: dict[int, list[int]] = {}

    def causes_ns(self, conv: int, user: int) -> list[int]:
        """Return from when on each departure of the user may have ended their stay, sorted."""
        requested = [request.t_ns for request in self.requests.get((conv, user), ())]
        if user not in self._explanations:
            self._explanations[user] = self._absences_ns(user)
        return sorted(requested + self._explanations[user])

    def _absences_ns(self, user: int) -> list[int]:
        """Return when each time without a connection became as long as the grace period."""
        least_ns = max(0, self.grace_ns - DETECTION_NS)
        links = sorted(self.links.get(user, ()), key=lambda link: link.up_ns)
        if not links:
            return []
        ends, alive_ns = [], links[0].alive_ns
        for link in links[1:]:
            if link.up_ns - alive_ns >= least_ns:
                ends.append(alive_ns + least_ns)
            alive_ns = max(alive_ns, link.alive_ns)
        if alive_ns < NEVER - least_ns:
            ends.append(alive_ns + least_ns)
        return ends


class LastPushes(NamedTuple):
    """When each connection brought its last push, sorted by the number of the connection."""

    link: Ints
    t_ns: Ints


def last_pushes(history: History) -> LastPushes:
    """Return the last push of each connection, in whatever conversation."""
    return last_pushes_of(history.records)


def last_pushes_of(records: Records) -> LastPushes:
    """Return the last push of each connection in these records."""
    pushed = is_any(records["kind"], _PUSHES) & (
        equal(records["flags"] & CHANNEL_BITS, Channel.LIVE)
    )
    links, _, at = grouped(ints(records["link"][pushed]))
    last_ns = np.zeros(links.size, dtype=np.int64)
    np.maximum.at(last_ns, at, ints(records["t_ns"][pushed]))
    return LastPushes(links, last_ns)


def _server_times(history: History) -> tuple[int, int]:
    """Return the grace period and the lease of the server in nanoseconds."""
    target = history.scenario.target
    if target.stack == "external":
        return 0, 0

    def value(key: str, default: int) -> float:
        given = target.server.get(key, default)
        return default if isinstance(given, (Secret, str)) else float(given)

    grace_ms, lease_ms = value("grace_ms", GRACE_MS), LEASE_PINGS * value("ping_ms", PING_MS)
    return int(grace_ms * NS_PER_MS), int(lease_ms * NS_PER_MS)


def _alive_ns(history: History) -> Ints:
    """Return until when each connection was surely alive for the server, too."""
    known = history.sessions.connections
    pushes = history.once(last_pushes)
    # -1, a connection without a push, finds the appended last entry.
    last_push_ns = np.append(pushes.t_ns, 0)[find(pushes.link, known.link)]
    last_push_ns = np.maximum(last_push_ns, known.up_ns)
    disturbed = any(fault.effective_ns is not None for fault in history.events.faults)
    certain: Bools = known.left & (not disturbed)
    ended = known.down_ns < NEVER
    return np.where(ended & ~certain, np.minimum(last_push_ns, known.down_ns), known.down_ns)
