"""The failure table: what can fail, what must happen then, and the scenarios that demonstrate it.

`make docs` writes it to `docs/reference/failure-table.md`.
"""

from typing import NamedTuple

EMBEDDED, FULL = "embedded", "full"
BOTH = (EMBEDDED, FULL)


class Demonstration(NamedTuple):
    """A scenario, and the stacks on which the component that it breaks exists."""

    scenario: str
    stacks: tuple[str, ...] = BOTH


class Row(NamedTuple):
    """One kind of failure: the failure, the required behaviour, what the scenarios assert."""

    broken: str
    must_happen: str
    asserted: str
    demonstrations: tuple[Demonstration, ...]


TABLE: tuple[Row, ...] = (
    Row(
        "messages DB down",
        "sends and history requests fail with a temporary error; sockets stay open",
        "no acknowledgement without a row; a retried message has one row and one position",
        (
            Demonstration("messages-db-down"),
            Demonstration("messages-db-failover", (FULL,)),
        ),
    ),
    Row(
        "users DB down",
        "new logins fail; users with a token send, receive and reconnect",
        "the core objectives hold",
        (Demonstration("users-db-down"),),
    ),
    Row(
        "registry down, flushed, or restarted empty",
        "batches are published to all edges; leases are rebuilt within 5 s",
        "no loss, no disorder, no `exited`",
        (Demonstration("registry-down"), Demonstration("registry-flushed")),
    ),
    Row(
        "broker killed, restarted, partitioned, or blocked",
        "commits and acknowledgements continue; edges poll heads every second",
        "delivery within 2 s + p99; the backlog clears; no loss",
        (
            Demonstration("broker-failure"),
            Demonstration("broker-partition"),
            Demonstration("broker-blocked", (FULL,)),
        ),
    ),
    Row(
        "gateway killed during a request",
        "clients retry with the same `client_msg_id` at another gateway",
        "one row per message",
        (Demonstration("gateway-crash"),),
    ),
    Row(
        "crash after the commit and before the publish",
        "edges poll heads and fetch the missing messages",
        "each message is delivered once, within 5 s + p99",
        (Demonstration("crash-after-commit"),),
    ),
    Row(
        "edge killed",
        "clients reconnect to another edge and re-sync",
        "no loss of acknowledged messages; `exited` at most once, and only after the grace period",
        (Demonstration("edge-crash"),),
    ),
    Row(
        "edge stopped, links half-open",
        "heartbeats detect it at both ends; clients reconnect",
        "the last messages of a conversation are not lost unnoticed",
        (Demonstration("half-open"),),
    ),
    Row(
        "slow client",
        "its connection is closed with 4008 when its outbox is full",
        "the p99 of the other clients is unchanged",
        (Demonstration("slow-client"),),
    ),
    Row(
        "friend and sticker services down",
        "their calls fail; messages are still sent and delivered",
        "the core objectives hold",
        (Demonstration("social-down"),),
    ),
    Row(
        "overload: 1.3 × capacity",
        "stickers, friends, attendance and old history are shed first, sends last",
        "acknowledged ≥ 0.9 × capacity; core p99 < 2 s; normal within 10 s",
        (Demonstration("overload"),),
    ),
    Row(
        "scale out and scale in",
        "existing connections stay; an edge is drained before it stops",
        "no connection lost, no loss",
        (Demonstration("scale"),),
    ),
    Row(
        "rolling update of gateways and services",
        "no WebSocket connection is dropped",
        "no connection lost, no loss",
        (Demonstration("rolling-update"),),
    ),
    Row(
        "blue-green cutover of the WebSocket tier",
        "canaries, drain, make before break; rollback automatically or on demand",
        "no loss, no disorder, no user without a connection, ≤ 1 % forced closes",
        (
            Demonstration("blue-green"),
            Demonstration("blue-green-rollback"),
            Demonstration("blue-green-broken"),
        ),
    ),
)


def names(stack: str | None = None) -> list[str]:
    """Return the scenarios of the table in its order, without those that `stack` cannot run."""
    return [demonstration.scenario for row in TABLE for demonstration in _on(row, stack)]


def text(stack: str | None = None) -> str:
    """Return the table for a terminal: each row, followed by its scenarios and their stacks."""
    lines = []
    for row in TABLE:
        if demonstrations := _on(row, stack):
            lines += [row.broken, f"    {row.must_happen}", f"    asserted: {row.asserted}"]
            lines += [f"    {scenario:20} {', '.join(on)}" for scenario, on in demonstrations]
    return "\n".join(lines)


def _on(row: Row, stack: str | None) -> list[Demonstration]:
    return [each for each in row.demonstrations if stack is None or stack in each.stacks]


def markdown() -> str:
    """Return the table of the reference page."""
    head = ["| broken | must happen | asserted | scenarios |", "|---|---|---|---|"]
    return "\n".join([*head, *map(_markdown_row, TABLE)])


def _markdown_row(row: Row) -> str:
    scenarios = " · ".join(
        f"`{scenario}`" + ("" if stacks == BOTH else f" ({', '.join(stacks)})")
        for scenario, stacks in row.demonstrations
    )
    return f"| {row.broken} | {row.must_happen} | {row.asserted} | {scenarios} |"
