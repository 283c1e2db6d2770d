"""A synthetic run of one room: a member is removed and added again while the creator talks.

The creator sends every half a second, and the others send nothing. No fault acts.
"""

from gauntlet.campaigns.synthetic.story import MS, RAMP_S, STEADY_S, ZERO, Link, S, Story
from gauntlet.core.history import (
    STRANGER_SSEQ,
    Channel,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    RoomEvent,
)
from gauntlet.core.scenario.capabilities import TIMESTAMPS

ROOM, CREATOR, OTHER, MOVER = 1, 1, 2, 3
REMOVED_S, ADDED_S = 12.0, 16.0
SENDS_S = tuple(RAMP_S + 0.25 + at / 2 for at in range(2 * STEADY_S - 1))

Entry = tuple[float, int, int]  # second, RoomEvent or 0, subject or sender


def changing_room(members: int = MOVER) -> Story:
    """Return a correct run in which the third of so many members is away for some seconds."""
    made = Story(lacks=frozenset({TIMESTAMPS}))
    made.scenario["faults"], made.scenario["sla"] = [], []
    end_s = RAMP_S + STEADY_S
    phases = {"ramp": 0, "steady": RAMP_S, "quiesce": end_s, "audit": end_s + 6}
    made.phases = {**phases, "flushed": end_s + 7}
    made.users = {user: f"u0-{user}" for user in range(1, members + 1)}
    about = {"name": "r.den", "workload": "member_changes", "members": [*made.users]}
    made.convs[ROOM] = about
    for user in made.users:
        up, down = ZERO + user * MS, ZERO + int((end_s + 6.5) * S)
        made.links[user] = Link(user, user, "edge-blue-1", up, down, 1000, 1)
        made.add(Kind.CONNECT, up, ref_ns=up - MS, link=user, peer=user)
        made.add(Kind.DISCONNECT, down, link=user, peer=user, spare=1000)
    known = entries(members)
    _add_entries(made, known)
    _add_audit(made, known)
    _add_changes(made, known)
    made.reconcile()
    made.reconciliation["removals"] = 1
    return made


def entries(members: int = MOVER) -> list[Entry]:
    """Return all entries in their order."""
    events = (
        *((1 + user * 0.001, RoomEvent.ADDED, user) for user in range(1, members + 1)),
        (REMOVED_S + 0.01, RoomEvent.REMOVED, MOVER),
        (ADDED_S + 0.01, RoomEvent.ADDED, MOVER),
    )
    return sorted((*events, *((at_s + 0.005, 0, CREATOR) for at_s in SENDS_S)))


def position_of(event: RoomEvent, user: int, known: list[Entry] | None = None) -> int:
    """Return the last position of an event of a user."""
    known = known or entries()
    found = [seq for seq, (_, kind, who) in enumerate(known, 1) if (kind, who) == (event, user)]
    return found[-1]


def _add_entries(made: Story, known: list[Entry]) -> None:
    """Add the ops, what the members are pushed, and what the audit reads."""
    removed = position_of(RoomEvent.REMOVED, MOVER, known)
    added = position_of(RoomEvent.ADDED, MOVER, known)
    audit_ns = _audit_ns()
    sent = 0
    for seq, (at_s, event, user) in enumerate(known, 1):
        t_ns = ZERO + int(at_s * S)
        fields = {"conv": ROOM, "peer": user, "seq": seq, "sseq": int(event)}
        if not event:
            sent += 1
            intended_ns = t_ns - 5 * MS
            fields |= {"sseq": sent, "ref_ns": intended_ns}
            own = {name: fields[name] for name in ("conv", "peer", "sseq", "ref_ns")}
            made.add(Kind.OP, intended_ns, link=user, **own)
            made.add(Kind.ATTEMPT, intended_ns + MS, link=user, spare=1, **own)
            made.add(Kind.ACK, t_ns + MS, link=user, seq=seq, spare=1, **own)
        for reader in made.users:
            gone = reader == MOVER and removed < seq < added
            # The first positions of the room are those of the events that add its members.
            if reader <= seq and not gone:
                kind = Kind.ROOM if event else Kind.DELIVER
                made.add(kind, t_ns + 3 * MS, link=reader, **fields)
        flags = Channel.AUDIT | (Flag.ROOM_EVENT if event else 0)
        made.add(Kind.AUDIT, audit_ns, flags=flags, **fields)


def _add_audit(made: Story, known: list[Entry]) -> None:
    """Add the end of the audit, and from where to where each member may read."""
    audit_ns, head = _audit_ns(), len(known)
    removed = position_of(RoomEvent.REMOVED, MOVER, known)
    added = position_of(RoomEvent.ADDED, MOVER, known)
    made.add(Kind.HEAD, audit_ns + MS, conv=ROOM, seq=head)
    page = {"conv": ROOM, "peer": head, "sseq": head, "spare": PageFlag.LAST}
    made.add(Kind.PAGE, audit_ns, ref_ns=audit_ns - MS, **page)
    stayed = [(user, user, 0) for user in made.users if user != MOVER]
    for user, first, last in (*stayed, (MOVER, added, 0), (MOVER, MOVER, removed)):
        made.add(Kind.RANGE, audit_ns, conv=ROOM, peer=user, seq=first, sseq=last)


def _add_changes(made: Story, known: list[Entry]) -> None:
    """Add the requests of the creator, and what the removed user tries meanwhile."""
    common = {"conv": ROOM, "link": CREATOR, "peer": MOVER, "spare": ProbeResult.GRANTED}
    for at_s, event in ((REMOVED_S, RoomEvent.REMOVED), (ADDED_S, RoomEvent.ADDED)):
        asked_ns, seq = ZERO + int(at_s * S), position_of(event, MOVER, known)
        answer = {"ref_ns": asked_ns, "sseq": event, "seq": seq}
        made.add(Kind.MEMBERSHIP, asked_ns + 15 * MS, **answer, **common)
    tried_ns = ZERO + 13 * S
    tried = {"ref_ns": tried_ns, "conv": ROOM, "link": MOVER, "spare": ProbeResult.REFUSED}
    for probe, number in ((Probe.HISTORY, 0), (Probe.SEND, STRANGER_SSEQ)):
        made.add(Kind.PROBE, tried_ns + MS, **tried, peer=number, sseq=probe)


def _audit_ns() -> int:
    return ZERO + (RAMP_S + STEADY_S + 6) * S + MS
