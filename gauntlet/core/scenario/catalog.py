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
    "phantom": "never sent, or refused, or its content is not what was sent",
    "misdelivery": "presented to somebody who was not a member at that position",
    "history-gap": "the history left out a position inside its range, or one that was shown",
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
    "missed_arrivals_count": "intended sends that were not made: nobody was there, or no room",
    "missed_arrivals_ratio": "intended sends that were not made, of all intended",
    "live_missed_ratio": "deliveries that came by re-sync instead of a push, of all deliveries",
    "recovery_ms": "heal → recovered, the longest fault of the window",
    "forced_closes_ratio": "connections closed by the server during a cutover, of those it moved",
    "reconnect_peak_to_mean": "peak over mean of reconnects per second during a cutover",
    "lost_connections_count": "connections that ended otherwise than by their client's own close",
    "unconnected_max_ms": "the longest time a user was without a connection against his will",
    "spurious_exits_count": "users who left a room though they were never away for the grace",
    "acked_per_s": "acknowledgements a second",
    "slow_closes_count": "connections closed because their client did not read (4008)",
    "lag_p99_ms": "p99 of intended send → handed to the session: the generator's own lateness",
}


class Param(NamedTuple):
    """One parameter of a fault: `kind` is duration, number, percent, flag or choice.

    A flag that is set may need a hook in the server, as a whole kind may (`FaultKind`).
    """

    kind: str
    default: str | float | bool | None
    about: str
    choices: tuple[str, ...] = ()
    hook: str = ""


class FaultKind(NamedTuple):
    """What a fault does, what it can be aimed at, its parameters, and the hook that it needs.

    `stack` is the only one that has what it acts on, if others lack it.
    """

    about: str
    targets: tuple[str, ...]
    params: dict[str, Param]
    needs_link: bool = False
    hook: str = ""
    stack: str = ""


# A target is a role (all of its components), a component (`gateway-1`), or a link (`edge>broker`).
_PROCESSES: tuple[str, ...] = (
    "gateway",
    "message",
    "room",
    "social",
    "sessions",
    "friend",
    "sticker",
    "edge",
)
ROLES: tuple[str, ...] = (*_PROCESSES, "messages-db", "users-db", "registry", "broker")
LINK_SOURCES: tuple[str, ...] = ("client", *_PROCESSES)

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
            "rollback_after": Param(
                "duration", None, "ask for the way back so long into the drain"
            ),
            "broken": Param("flag", False, "a new environment that is deaf", hook="mute_edge"),
            "end": Param("choice", "done", "where it is to end", ("done", "rolled-back")),
        },
    ),
    "flush": FaultKind("empties the registry", ("registry",), {}),
    "block": FaultKind(
        "raises RabbitMQ's memory alarm: publishers are blocked", ("broker",), {}, stack="full"
    ),
    "crash-after-commit": FaultKind(
        "kills a message service between a commit's answers and its publish",
        ("message",),
        {},
        hook="crash_after_commit",
    ),
    "scale-out": FaultKind("starts one more edge", ("edge",), {}),
    "scale-in": FaultKind(
        "drains one edge, and ends it",
        ("edge",),
        {"drain": Param("duration", "4s", "time over which its clients are told to move")},
    ),
    "rolling-update": FaultKind(
        "restarts gateways and services one after the other, each gracefully", ("gateway",), {}
    ),
    "surge": FaultKind(
        "multiplies the arrival rate",
        ("gateway",),
        {
            "factor": Param("number", 2, "how many times the load's rate"),
            "known_capacity": Param(
                "flag", False, "bound the server's commits in the whole run", hook="slow_commits"
            ),
        },
    ),
}

LAYOUTS: dict[str, str] = {
    "default": "as the stack has it",
    "split": "every service its own process",
    "single": "as default, with one gateway",
}

WORKLOADS: dict[str, str] = {
    "direct": "one-to-one conversations",
    "group": "rooms with many members",
    "offline_catchup": "one-to-one conversations whose receivers go offline and return",
    "reconnect_storm": "one-to-one conversations whose users all drop and return at once",
    "slow_consumer": "rooms in which some members stop reading their sockets for a while",
}

GUARD_CHECKS: tuple[str, ...] = ("lost-acked",)
