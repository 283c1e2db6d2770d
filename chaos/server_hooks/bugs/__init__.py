"""The seeded bugs: each breaks one guarantee of the reference server, and a run must detect it.

Their modules are loaded inside the server's processes by its start-up hooks, and nowhere else.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """A bug: `module` has an `install()`, called in every process that hosts one of `services`.

    `caught_by` is the check, or the objective of `scenario`, that must fail. On stacks other than
    `stacks` the bug has no effect.
    """

    about: str
    services: tuple[str, ...]
    module: str
    caught_by: str
    scenario: str = "tour"
    stacks: tuple[str, ...] = ("embedded", "full")


BUGS: dict[str, Bug] = {
    "ack_before_commit": Bug(
        "a send is acknowledged when it is received, and committed 300 ms later",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.ack_before_commit",
        "lost-acked",
    ),
    "retry_mints_new_id": Bug(
        "a repeated client_msg_id is stored again, as a new message",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.retry_mints_new_id",
        "duplicate",
    ),
    "resync_skips_one": Bug(
        "the history after a cursor starts one position too late",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.resync_skips_one",
        "undelivered",
    ),
    "wrong_compare_delete": Bug(
        "the end of one connection removes all leases of its user from the registry",
        ("edge",),
        "gauntlet.chaos.server_hooks.bugs.wrong_compare_delete",
        "p99-cutover",
        scenario="blue-green",
    ),
    "drain_drops_in_flight": Bug(
        "an edge drops the next push to a client that it has asked to reconnect",
        ("edge",),
        "gauntlet.chaos.server_hooks.bugs.drain_drops_in_flight",
        "wire-order",
        scenario="blue-green",
    ),
    "no_fsync": Bug(
        "commits of the messages database (SQLite) are not synced to the disk",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.no_fsync",
        "lost-acked",
        scenario="messages-db-power-loss",
        stacks=("embedded",),  # PostgreSQL is not part of the service in which the bug is
    ),
    "attendance_expires": Bug(
        "the list of who is in a room forgets a user five seconds after it first named them",
        ("room",),
        "gauntlet.chaos.server_hooks.bugs.attendance_expires",
        "attendance-stale",
        scenario="busy-rooms",
    ),
}
