"""The seeded bugs: each makes the reference server wrong in one way, so that a run must say so.

Their modules are loaded inside the server's processes by its start-up hooks, and only there.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """`module` has an `install()`, called in every process that hosts one of `services`."""

    about: str
    services: tuple[str, ...]
    module: str
    check: str


BUGS: dict[str, Bug] = {
    "ack_before_commit": Bug(
        "a send is answered at its receipt, and committed 300 ms later",
        ("message",),
        "chaos.bugs.ack_before_commit",
        "lost-acked",
    ),
    "retry_mints_new_id": Bug(
        "a repeated client_msg_id is stored once more, as a new message",
        ("message",),
        "chaos.bugs.retry_mints_new_id",
        "duplicate",
    ),
    "resync_skips_one": Bug(
        "history after a cursor begins one position too late",
        ("message",),
        "chaos.bugs.resync_skips_one",
        "undelivered",
    ),
}
