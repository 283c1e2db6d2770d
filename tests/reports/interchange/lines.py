"""Lines of histories for tests: a good conversation of three users."""

from typing import Any

Rows = list[dict[str, Any]]
USERS = ("alice", "bob", "carol")


def good(messages: int = 6, **header: Any) -> Rows:
    """Return a history without violations, with all evidence; users take turns, one a second."""
    rows: Rows = [{"kind": "header", **header}] if header else []
    rows += [{"kind": "member", "user": user, "conversation": "team"} for user in USERS]
    for at in range(1, messages + 1):
        author = USERS[at % 3]
        rows.append(send(at, author))
        rows += [deliver(at, user) for user in USERS]
    rows.append(read(messages + 5, [f"m{at}" for at in range(1, messages + 1)]))
    return rows


def send(at: int, user: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "send", "time": at * 1.0, "user": user, "conversation": "team", "message": f"m{at}",
        "completed": at + 0.1, "position": at, "body": f"text {at}", **more,
    }  # fmt: skip


def deliver(at: int, user: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "deliver", "time": at + 0.2, "user": user, "conversation": "team",
        "message": f"m{at}", "position": at, "body": f"text {at}", **more,
    }  # fmt: skip


def read(time: float, messages: list[Any], user: str = "bob", **more: Any) -> dict[str, Any]:
    return {
        "kind": "read", "time": time, "user": user, "conversation": "team", "messages": messages,
        "complete": True, **more,
    }  # fmt: skip


def find(rows: Rows, **keys: Any) -> int:
    """Return the index of the first line with these keys."""
    return next(at for at, row in enumerate(rows) if all(row.get(key) == keys[key] for key in keys))
