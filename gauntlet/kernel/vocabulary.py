"""The words users write in scenarios and read in verdicts, each with its one line of meaning.

Checks, fault kinds, targets and indicators are implemented elsewhere; tests hold those registries,
the documentation and the JSON Schema to these lists.
"""

from typing import NamedTuple

CHECKS: dict[str, str] = {
    "lost-acked": "acknowledged, and not stored",
    "undelivered": "acknowledged and stored, and not presented to a member who was watching",
    "duplicate": "presented twice to the same user, or stored twice under one sender's id",
    "sender-fifo": "one sender's messages presented out of the order he sent them in",
    "wire-order": "a connection pushed a conversation backwards, or jumped without saying so",
    "position": "one position holds two messages, or one message two positions",
    "divergent-order": "two receivers saw the same messages in different orders",
    "phantom": "never sent, or its content is not what was sent",
    "misdelivery": "presented to somebody who was not a member at that position",
    "history-gap": "a history page left out a position inside its range",
    "unrecovered": "a fault was healed and the service did not come back in time",
}

DEFAULT_REQUIRED: tuple[str, ...] = (
    "lost-acked",
    "undelivered",
    "duplicate",
    "sender-fifo",
    "wire-order",
    "position",
    "phantom",
    "misdelivery",
)

PERCENTILES: tuple[str, ...] = ("p50", "p90", "p95", "p99", "p999")

INDICATORS: dict[str, str] = {
    **{f"ack_{p}_ms": f"{p} of intended send → acknowledged" for p in PERCENTILES},
    **{f"delivery_{p}_ms": f"{p} of intended send → presented" for p in PERCENTILES},
    "delivery_max_ms": "the longest delivery",
    "send_errors_ratio": "ops that ended rejected or unknown, of all ops",
    "live_missed_ratio": "deliveries that came by re-sync instead of a push, of all deliveries",
    "recovery_ms": "heal → recovered, the longest fault of the window",
    "forced_closes_ratio": "connections closed by the server during a cutover, of those it moved",
    "reconnect_peak_to_mean": "peak over mean of reconnects per second during a cutover",
    "lag_p99_ms": "p99 of intended send → handed to the session: the generator's own lateness",
}


class Param(NamedTuple):
    """One parameter of a fault: `kind` is duration, number, percent, flag or text."""

    kind: str
    default: str | float | bool | None
    about: str


class FaultKind(NamedTuple):
    """What a fault does, what it can be aimed at, and its parameters."""

    about: str
    targets: tuple[str, ...]
    params: dict[str, Param]
    needs_link: bool = False


# A target is a role (all of its components), a component (`gateway-1`), or a link (`edge>broker`).
ROLES: tuple[str, ...] = (
    "gateway",
    "message",
    "room",
    "social",
    "edge",
    "messages-db",
    "users-db",
    "registry",
    "broker",
)
LINK_SOURCES: tuple[str, ...] = ("client", "gateway", "message", "room", "social", "edge")

_COUNT = Param("number", 1, "how many of the role's running components")

FAULTS: dict[str, FaultKind] = {
    "disconnect": FaultKind(
        "cuts a share of the live client connections",
        ("client>edge", "client>gateway"),
        {"percent": Param("percent", 30, "share of the live connections")},
        needs_link=True,
    ),
    "latency": FaultKind(
        "delays every byte of a link",
        ("link",),
        {
            "latency": Param("duration", "100ms", "added in each direction"),
            "jitter": Param("duration", "0ms", "uniform, around the latency"),
        },
        needs_link=True,
    ),
    "partition": FaultKind(
        "lets a link carry nothing, without closing it", ("link",), {}, needs_link=True
    ),
    "kill": FaultKind(
        "ends processes by SIGKILL; they start again at the heal", ("role",), {"count": _COUNT}
    ),
    "pause": FaultKind(
        "stops processes by SIGSTOP; they go on at the heal", ("role",), {"count": _COUNT}
    ),
    "broker-failure": FaultKind(
        "kills the message broker and starts it again, empty", ("broker",), {}
    ),
    "cutover": FaultKind(
        "moves every WebSocket client from the current environment to the other one",
        ("edge",),
        {
            "drain": Param("duration", "8s", "time over which clients are told to move"),
            "canaries": Param("flag", True, "verify the new environment first"),
        },
    ),
}

WORKLOADS: dict[str, str] = {
    "direct": "one-to-one conversations",
    "group": "rooms with many members",
    "offline_catchup": "one-to-one conversations whose receivers go offline and return",
    "reconnect_storm": "one-to-one conversations whose users all drop and return at once",
}

GUARD_CHECKS: tuple[str, ...] = ("lost-acked",)
