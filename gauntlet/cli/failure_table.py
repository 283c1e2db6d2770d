"""The failure table: what may fail, what must happen then, and the scenarios that demonstrate it.

`docs/reference/failure-table.md` is generated from it, and tests compare it with the scenarios.
"""

from typing import NamedTuple

EMBEDDED, FULL = "embedded", "full"
BOTH = (EMBEDDED, FULL)


class Shown(NamedTuple):
    """A scenario, and the stacks that have what it breaks."""

    scenario: str
    stacks: tuple[str, ...] = BOTH


class Row(NamedTuple):
    """One kind of failure."""

    broken: str
    must_happen: str
    asserted: str
    by: tuple[Shown, ...]


TABLE: tuple[Row, ...] = (
    Row(
        "messages DB",
        "sends get a temporary error, sockets stay, history fails temporarily",
        "no acknowledgement without a row; a retry gets one row, one position",
        (Shown("messages-db-down", (FULL,)),),
    ),
    Row(
        "users DB",
        "new logins fail; people with a token send, receive, reconnect",
        "the core objectives hold",
        (Shown("users-db-down", (FULL,)),),
    ),
    Row(
        "registry down, flushed, restarted empty",
        "publish to all edges; leases rebuilt within 5 s",
        "no loss, no disorder, no `exited`",
        (Shown("registry-down"), Shown("registry-flushed")),
    ),
    Row(
        "broker killed, restarted, partitioned, blocked",
        "commits and acknowledgements continue; edges poll heads every second",
        "delivery within 2 s + p99; the backlog clears; no loss",
        (Shown("broker-failure"), Shown("broker-partition"), Shown("broker-blocked", (FULL,))),
    ),
    Row(
        "gateway killed in mid-request",
        "clients retry the same `client_msg_id` at another",
        "one row",
        (Shown("gateway-crash"),),
    ),
    Row(
        "crash after the commit, before the publish",
        "the edges' heads poll repairs",
        "delivered once, within 5 s + p99",
        (Shown("crash-after-commit"),),
    ),
    Row(
        "edge killed",
        "clients reconnect elsewhere, and re-sync",
        "no acknowledged loss; `exited` at most once, only after the grace",
        (Shown("edge-crash"),),
    ),
    Row(
        "edge stopped, half-open link",
        "the heartbeat notices at both ends; clients reconnect",
        "no silent loss at the tail",
        (Shown("half-open"),),
    ),
    Row(
        "slow client",
        "closed 4008 at the cap of its outbox",
        "the others' p99 is unchanged",
        (Shown("slow-client"),),
    ),
    Row(
        "friend, sticker service",
        "their calls fail; messages are not affected",
        "the core objectives are unchanged",
        (Shown("social-down"),),
    ),
    Row(
        "overload: 1.3 × capacity",
        "sticker, friend, attendance and old history are shed first, sends last",
        "acknowledged ≥ 0.9 × capacity; core p99 < 2 s; normal within 10 s",
        (Shown("overload"),),
    ),
    Row(
        "scale out, scale in",
        "existing connections are untouched; the edge is drained first",
        "no connection lost, no loss",
        (Shown("scale"),),
    ),
    Row(
        "rolling update of gateways and services",
        "no WebSocket drops",
        "no connection lost, no loss",
        (Shown("rolling-update"),),
    ),
    Row(
        "blue-green of the WebSocket tier",
        "canaries, drain, make-before-break; rollback by itself, or on demand",
        "no loss, no disorder, no user without a connection, ≤ 1 % forced closes",
        (Shown("blue-green"), Shown("blue-green-rollback"), Shown("blue-green-broken")),
    ),
)


def names(stack: str | None = None) -> list[str]:
    """The scenarios of the table, in its order; with `stack`, only those that can run on it."""
    return [
        shown.scenario
        for row in TABLE
        for shown in row.by
        if stack is None or stack in shown.stacks
    ]


def text(stack: str | None = None) -> str:
    """The table as text: each row with its scenarios and their stacks."""
    lines = []
    for row in TABLE:
        shown = [it for it in row.by if stack is None or stack in it.stacks]
        if shown:
            lines += [row.broken, f"    {row.must_happen}", f"    asserted: {row.asserted}"]
            lines += [f"    {it.scenario:20} {', '.join(it.stacks)}" for it in shown]
    return "\n".join(lines)


def markdown() -> str:
    """The table as Markdown, for the reference page."""
    head = ["| broken | must happen | asserted | scenarios |", "|---|---|---|---|"]
    return "\n".join([*head, *map(_markdown_row, TABLE)])


def _markdown_row(row: Row) -> str:
    scenarios = " · ".join(
        f"`{it.scenario}`" + ("" if it.stacks == BOTH else f" ({', '.join(it.stacks)})")
        for it in row.by
    )
    return f"| {row.broken} | {row.must_happen} | {row.asserted} | {scenarios} |"
