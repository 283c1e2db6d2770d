"""Requests to a message store, and helpers to read the results."""

from gauntlet.reference_server.store.base import AppendRequest


def message(client_msg_id, conv="d.a.b", sender="a", body="hello"):
    """Return a request to send a message."""
    return AppendRequest(conv, str(client_msg_id), sender=sender, body=body)


def event(kind, user, by="", conv="r.x", connection="", key=None):
    """Return a request for a room event."""
    return AppendRequest(
        conv, key or f"{kind}:{user}:{by}", event=kind, user=user, by=by, connection=connection
    )


def seqs(outcomes):
    """Return the positions of outcomes."""
    return [outcome.entry.seq for outcome in outcomes]


async def all_entries(store, conv):
    """Return all entries of a conversation."""
    entries, _ = await store.entries(conv, 0, 1000)
    return entries
