"""The seeded bugs: each makes the reference server wrong in one way, so that a run must say so.

Their modules are loaded inside the server's processes by its start-up hooks, and only there.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """`module` has an `install()`, called in every process that hosts one of `services`.

    `caught_by` is the check, or the objective of `scenario`, that must fail.
    """

    about: str
    services: tuple[str, ...]
    module: str
    caught_by: str
    scenario: str = "tour"


BUGS: dict[str, Bug] = {
    "ack_before_commit": Bug(
        "a send is answered at its receipt, and committed 300 ms later",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.ack_before_commit",
        "lost-acked",
    ),
    "retry_mints_new_id": Bug(
        "a repeated client_msg_id is stored once more, as a new message",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.retry_mints_new_id",
        "duplicate",
    ),
    "resync_skips_one": Bug(
        "history after a cursor begins one position too late",
        ("message",),
        "gauntlet.chaos.server_hooks.bugs.resync_skips_one",
        "undelivered",
    ),
    "wrong_compare_delete": Bug(
        "the end of one connection takes all leases of its user out of the registry",
        ("edge",),
        "gauntlet.chaos.server_hooks.bugs.wrong_compare_delete",
        "p99-cutover",
        scenario="blue-green",
    ),
    "drain_drops_in_flight": Bug(
        "an edge forgets the next push to a client that it has told to move",
        ("edge",),
        "gauntlet.chaos.server_hooks.bugs.drain_drops_in_flight",
        "wire-order",
        scenario="blue-green",
    ),
}
