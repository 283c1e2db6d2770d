"""Where a message was lost: the last place on the server that is known to have had it.

A message passes five stages: the server accepts it, the message service commits it, the publisher
hands it to the bus for an edge, that edge receives it (from the bus or from the store), and the
edge pushes it to the receiver's socket. The label is the last stage that a trail, the audit or an
acknowledgement proves. If the message may have passed further stages, because a process that could
know has lost its memory, the label is *unknown after* that stage.
"""

from dataclasses import dataclass

from gauntlet.core.history import Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.history import History
from gauntlet.reports.trails import reading
from gauntlet.reports.trails.reading import ProcessLife, Trails

# The words of each stage in a label.
_NAMES = {
    reading.ACCEPTED: "accepted",
    reading.COMMITTED: "committed",
    reading.PUBLISHED: "published",
    reading.RECEIVED: "received by the edge",
    reading.PUSHED: "pushed",
}
EVERY_EDGE = "*"


@dataclass(frozen=True)
class WhereLost:
    """The last known stage of a message, and why it is not known whether it is the last.

    `seen` is what a trail proves, and `then` what it excludes. `unknown` is empty if the message
    certainly went no further; otherwise nothing is excluded.
    """

    stage: str
    seen: str
    then: str = ""
    unknown: str = ""

    @property
    def label(self) -> str:
        """The stage, or `unknown after` it."""
        return f"unknown after {_NAMES[self.stage]}" if self.unknown else _NAMES[self.stage]

    def to_builtins(self) -> dict[str, str]:
        """Return the object of result.json."""
        end = f"it is unknown what happened then: {self.unknown}" if self.unknown else self.then
        return {"label": self.label, "sentence": f"{self.seen}{', and ' if end else ''}{end}."}


def of_missing(history: History, trails: Trails, message: int) -> WhereLost:
    """Return where an acknowledged message was lost that is not stored."""
    conv, position = history.conv_of(message), int(history.messages.position[message])
    service = trails.hosting("message")
    waiting = [life for life in service if _is_waiting(history, life, message)]
    others = [life for life in service if life not in waiting]
    is_taken = _is_taken(history, message, position)
    is_stored = trails.store is not None and trails.store.has(reading.STORED, (conv,), position)
    committed = _having(others, reading.COMMITTED, (conv,), position)
    if committed and not is_taken:
        return WhereLost(
            reading.COMMITTED,
            f"{_listed(committed)} committed it at position {position}",
            _describe_store(trails, is_stored=is_stored),
        )
    if is_stored and not is_taken and not waiting:
        seen = f"the messages DB holds an entry at its position, {position}"
        return WhereLost(reading.COMMITTED, seen, "the audit did not read it there")
    blind = _blind(service, reading.COMMITTED, _first_ns(history, message))
    if waiting:
        seen = f"{_listed(waiting)} accepted it"
        return WhereLost(reading.ACCEPTED, seen, "its commit was never confirmed", blind)
    if not position:
        blind = blind or "its acknowledgement states no position"
    then = "no process of the message service committed it at its position"
    return WhereLost(reading.ACCEPTED, "it was acknowledged", then, blind)


def of_undelivered(history: History, trails: Trails, message: int, session: int) -> WhereLost:
    """Return where a stored message was lost on its way to one device of a user."""
    conv, position = history.conv_of(message), int(history.messages.position[message])
    user, device = history.names.sessions[session]
    receiver, first_ns = history.names.user(user), _first_ns(history, message)
    if not position:
        return WhereLost(reading.COMMITTED, "it is stored", unknown="its position is not known")
    names = edges_of(history, session, first_ns)
    if not names:
        then = f"{receiver} was connected to no edge after it was sent"
        return WhereLost(reading.COMMITTED, "it is stored", then)
    edges = [life for life in trails.lives if life.component in names]
    key = (conv, receiver, device)
    if pushed := _having(trails.hosting("edge"), reading.PUSHED, key, position):
        return WhereLost(reading.PUSHED, f"{_listed(pushed)} wrote it to a socket of {receiver}")
    blind = _blind(edges, reading.PUSHED, first_ns)
    if received := _having(edges, reading.RECEIVED, (conv,), position):
        then = f"no edge wrote it to a socket of {receiver}"
        return WhereLost(reading.RECEIVED, f"{_listed(received)} received it", then, blind)
    blind = blind or _blind(edges, reading.RECEIVED, first_ns)
    service, to = trails.hosting("message"), " or ".join(sorted(names))
    published = [
        life
        for edge in (*sorted(names), EVERY_EDGE)
        for life in _having(service, reading.PUBLISHED, (conv, edge), position)
    ]
    if published:
        seen = f"{_listed(published)} published it to {to}"
        return WhereLost(reading.PUBLISHED, seen, "no such edge received it", blind)
    blind = blind or _blind(service, reading.PUBLISHED, first_ns)
    then = f"it was not published to {to}, to which {receiver} was connected"
    return WhereLost(reading.COMMITTED, "it is stored", then, blind)


def find(history: History, trails: Trails, message: int) -> WhereLost | None:
    """Return where a message was lost that was acknowledged and is not stored; otherwise None."""
    messages, records = history.messages, history.records
    audited = (records["kind"] == Kind.HEAD) & (records["conv"] == messages.conv[message])
    if not messages.acked[message] or messages.stored[message] or not audited.any():
        return None
    return of_missing(history, trails, message)


def edges_of(history: History, session: int, first_ns: int) -> set[str]:
    """Return the edges to which a session was connected at or after a time."""
    known = history.sessions.connections
    own = known.link[(known.session == session) & (known.down_ns > first_ns)]
    links = (history.names.connections[int(link)] for link in own)
    return {link.edge for link in links if link.edge}


def _is_waiting(history: History, life: ProcessLife, message: int) -> bool:
    """Return whether a process accepted a message and remembers no commit.

    The id that our load gives a message ends with the sender's number of it.
    """
    if life.trail is None:
        return False
    conv, number = history.conv_of(message), str(int(history.messages.sseq[message]))
    sender = history.names.user(int(history.messages.author[message]))
    return any(
        (conv, sender) == (known_conv, known_sender) and known_id.rpartition(".")[2] == number
        for known_conv, known_sender, known_id in life.trail.accepted
    )


def _is_taken(history: History, message: int, position: int) -> bool:
    """Return whether the audit found another message at a position."""
    records = history.records
    at = (records["kind"] == Kind.AUDIT) & (records["seq"] == position)
    at &= (records["conv"] == history.messages.conv[message]) & (
        history.messages.of_record != message
    )
    return bool(at.any())


def _having(
    lives: list[ProcessLife], part: str, key: reading.Key, position: int
) -> list[ProcessLife]:
    return [
        life for life in lives if life.trail is not None and life.trail.has(part, key, position)
    ]


def _blind(lives: list[ProcessLife], part: str, from_ns: int) -> str:
    """Return why processes cannot exclude that a message passed them; "" if they can."""
    concerned = [life for life in lives if life.to_ns > from_ns]
    if not concerned:
        return "no process that could know left a trail"
    for life in concerned:
        if life.trail is None:
            how = "" if life.ended in ("", "stopped") else f", which was {life.ended},"
            how = ", which exited by itself," if life.ended == "exited" else how
            return f"{life.component}{how} left no trail"
        if part in life.trail.full:
            return f"the trail of {life.component} is full"
    return ""


def _describe_store(trails: Trails, *, is_stored: bool) -> str:
    if is_stored:
        return "the messages DB still holds it, so a read omits it"
    if trails.store is None or reading.STORED in trails.store.full:
        return "it is unknown whether the messages DB still holds it"
    return "the messages DB does not hold it after the run"


def _listed(lives: list[ProcessLife]) -> str:
    return " and ".join(sorted({life.component for life in lives}))


def _first_ns(history: History, message: int) -> int:
    first_ns = int(history.messages.first_attempt_ns[message])
    return int(history.messages.intended_ns[message]) if first_ns == NEVER else first_ns
