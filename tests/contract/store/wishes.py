"""Wishes to a message store, and what came of them."""

from gauntlet.reference_server.store.base import AppendRequest


def message(client_msg_id, conv="d.a.b", sender="a", body="hello"):
    """A wish to send."""
    return AppendRequest(conv, str(client_msg_id), sender=sender, body=body)


def event(kind, user, by="", conv="r.x", connection="", key=None):
    """A wish for a room event."""
    return AppendRequest(
        conv, key or f"{kind}:{user}:{by}", event=kind, user=user, by=by, connection=connection
    )


def seqs(outcomes):
    """The positions that were given."""
    return [outcome.entry.seq for outcome in outcomes]


async def everything(store, conv):
    """The whole conversation."""
    entries, _ = await store.entries(conv, 0, 1000)
    return entries
