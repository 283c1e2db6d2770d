"""Synthetic runs: a small model of a correct system writes the history that its clients would.

`good_story(seed)` is a run with everything that is difficult but allowed: a fault that disconnects
users, re-syncs, dropped copies, announced gaps, refused and unanswered ops (stored or not), a room
with a member who joins late and one who leaves, and a user who goes offline and returns. Every
check must be valid. The mutators in `mutators.py` then break one thing each.
"""

import copy
import dataclasses
import functools
import random
from collections import defaultdict, deque

from gauntlet.campaigns.synthetic.story import (
    BACK_S,
    FAULT_S,
    HEAL_S,
    MS,
    RAMP_S,
    STEADY_S,
    ZERO,
    Link,
    S,
    Story,
)
from gauntlet.core.history import (
    STRANGER_SSEQ,
    Attendance,
    Channel,
    Contact,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    Relation,
    RoomEvent,
    id_digest,
    stamp_age,
    sticker_digest,
)
from gauntlet.core.run_directory import ACCOUNTS_FROM

AUTHORS = 8
ROOM = 7
LATE, LEAVER, TRAVELLER = 5, 4, 8  # joins the room late, leaves it, goes offline for a while
# Accounts that take no part in the load. The first one blocks the other.
ACCOUNTS = (ACCOUNTS_FROM, ACCOUNTS_FROM + 1)
_NOTHING = Relation(0)
# What they do, and when in seconds: who, what, and where the lists of both then have the other one.
# What follows on the removal of the block is not disturbed by the fault.
_CONTACTS: tuple[tuple[float, int, Contact, tuple[Relation, ...]], ...] = (
    (15.5, 1, Contact.SEND, ()),
    (15.6, 1, Contact.REQUEST, (Relation.INCOMING, Relation.OUTGOING)),
    (15.8, 0, Contact.REQUEST, (Relation.FRIEND, Relation.FRIEND)),
    (16.0, 0, Contact.BLOCK, (Relation.BLOCKED, _NOTHING)),
    (17.0, 0, Contact.UNBLOCK, (_NOTHING, _NOTHING)),
    (22.5, 1, Contact.SEND, ()),
    (22.6, 1, Contact.REQUEST, (Relation.INCOMING, Relation.OUTGOING)),
    (22.8, 0, Contact.END, (_NOTHING, _NOTHING)),
)
EXITS = ((2, 4.0), (3, 15.0), (2, 18.0))  # who exits the room, and when in seconds


def server_id(conv: int, author: int, sseq: int) -> int:
    """Return the digest of the id that the server assigns to a message."""
    return id_digest(f"{conv}/{author}/{sseq}")


def _committed(entry: dict[str, int]) -> int:
    return entry["t"]


class _Model:
    """A correct system and its clients, for one seed."""

    def __init__(self, seed: int, rate: int) -> None:
        self.rng = random.Random(seed)
        self.story = Story()
        self.story.scenario["load"]["rate"] = rate
        self.entries: dict[int, list[dict[str, int]]] = defaultdict(list)  # by conversation
        self.sseq: dict[tuple[int, int], int] = defaultdict(int)
        self.free_at: dict[tuple[int, int], int] = defaultdict(int)

    def build(self) -> Story:
        story = self.story
        story.phases = {
            "ramp": 0,
            "steady": RAMP_S,
            "quiesce": RAMP_S + STEADY_S,
            "audit": RAMP_S + STEADY_S + 6,
            "flushed": RAMP_S + STEADY_S + 7,
        }
        self._people()
        self._connections()
        self._faults()
        self._sends()
        self._ranges()
        self._strangers()
        self._contacts()
        self._stickers()
        self._requests()
        self._polls()
        for conv in story.convs:
            for user in story.convs[conv]["members"]:
                self._receive(conv, user)
            self._audit(conv)
        story.reconcile()
        return story

    def _people(self) -> None:
        story = self.story
        story.users = {user: f"u0-{user}" for user in range(1, AUTHORS + 1)}
        for conv in range(1, ROOM):
            first, second = conv, conv + 2
            story.convs[conv] = {
                "name": f"d.u0-{first}.u0-{second}",
                "workload": "direct",
                "members": [first, second],
            }
        story.convs[ROOM] = {"name": "r.den", "workload": "group", "members": [1, 2, 3, 4, 5, 6]}
        for at, user in enumerate([1, 2, 3, 4, 6]):
            self._room_event(RoomEvent.ADDED, user, ZERO + S + at * MS)
            self._room_event(RoomEvent.ENTERED, user, ZERO + S + (10 + at) * MS)
        for user, at_s in EXITS:
            self._room_event(RoomEvent.EXITED, user, ZERO + int(at_s * S))
            self._room_event(RoomEvent.ENTERED, user, ZERO + int((at_s + 3) * S))

    def _requests(self) -> None:
        """Ask for each exit, and for the return, on the connection of that moment."""
        for user, at_s in EXITS:
            for event, asked_s in ((RoomEvent.EXITED, at_s), (RoomEvent.ENTERED, at_s + 3)):
                t_ns = ZERO + int(asked_s * S) - 5 * MS
                links = [link for link in self.story.links.values() if link.user == user]
                link = max(link.number for link in links if link.up <= t_ns)
                known = {"conv": ROOM, "link": link, "peer": user, "sseq": event}
                self.story.add(Kind.ATTEND, t_ns, **known)

    def _polls(self) -> None:
        """Read once a second who is in the room, by a member who is always connected."""
        reader = self.story.convs[ROOM]["members"][0]
        link = next(number for number, link in self.story.links.items() if link.user == reader)
        events = sorted((entry for entry in self.entries[ROOM] if entry["event"]), key=_committed)
        for at_s in range(RAMP_S, RAMP_S + STEADY_S):
            asked = ZERO + at_s * S + S // 4
            state = {entry["peer"]: entry["event"] for entry in events if entry["t"] <= asked}
            for user in self.story.convs[ROOM]["members"]:
                entered = state.get(user) == RoomEvent.ENTERED
                known = {"ref_ns": asked, "conv": ROOM, "link": link, "peer": user}
                listed = Attendance.PRESENT if entered else Attendance.ABSENT
                self.story.add(Kind.ATTENDANCE, asked + 6 * MS, **known, sseq=listed)

    def _room_event(self, event: RoomEvent, user: int, t_ns: int) -> None:
        self.entries[ROOM].append(
            {"t": t_ns, "event": event, "peer": user, "sseq": event, "ref": 0}
        )

    def _ranges(self) -> None:
        """Write the range of each member, from joining to leaving, both events included."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for entry in self._ordered(ROOM):
            if entry["event"] in (RoomEvent.ADDED, RoomEvent.REMOVED):
                ends = first if entry["event"] == RoomEvent.ADDED else last
                ends[entry["peer"]] = entry["seq"]
        for user, seq in first.items():
            self.story.add(
                Kind.RANGE, ZERO + S, conv=ROOM, peer=user, seq=seq, sseq=last.get(user, 0)
            )

    def _strangers(self) -> None:
        """Refuse a user who tries to read and write in a conversation of others."""
        link = next(number for number, link in self.story.links.items() if link.user == TRAVELLER)
        for probe in (Probe.HISTORY, Probe.SEND):
            result, number = ProbeResult.REFUSED, STRANGER_SSEQ * (probe is Probe.SEND)
            known = {"conv": 1, "link": link, "sseq": probe, "spare": result, "peer": number}
            self.story.add(Kind.PROBE, ZERO + 12 * S, ref_ns=ZERO + 12 * S - MS, **known)

    def _contacts(self) -> None:
        """Let two accounts befriend and block each other, and read the lists of both."""
        self.story.accounts = {account: f"b0-{at}" for at, account in enumerate(ACCOUNTS)}
        for at_s, side, contact, lists in _CONTACTS:
            asked = ZERO + int(at_s * S)
            known = {"peer": ACCOUNTS[side], "sseq": ACCOUNTS[not side], "seq": contact}
            known |= {"ref_ns": asked, "spare": ProbeResult.GRANTED}
            self.story.add(Kind.CONTACT, asked + 5 * MS, **known)
            for reader, shown in enumerate(lists):
                asked += 20 * MS
                known = {"peer": ACCOUNTS[reader], "sseq": ACCOUNTS[not reader], "seq": shown}
                self.story.add(Kind.CONTACT_LIST, asked + 5 * MS, ref_ns=asked, **known)

    def _stickers(self) -> None:
        """Let an account send two stickers, and read them from the history."""
        for message, at_s in enumerate((22.55, 23.0), 1):
            asked = ZERO + int(at_s * S)
            known = {"peer": ACCOUNTS[1], "sseq": message, "seq": sticker_digest(f"s{message}", "")}
            granted = {"ref_ns": asked, "spare": ProbeResult.GRANTED}
            self.story.add(Kind.STICKER, asked + 5 * MS, **known, **granted)
            self.story.add(Kind.STICKER, asked + 9 * MS, ref_ns=asked + 6 * MS, **known)

    def _connections(self) -> None:
        story, number = self.story, 0
        for user in story.users:
            edge = f"edge-blue-{1 + user % 2}"
            spans = [(0.1 * user, RAMP_S + STEADY_S + 6.5, 1000)]
            if edge == "edge-blue-1":
                spans = [(0.1 * user, FAULT_S + 0.05, 1006), (BACK_S, spans[0][1], 1000)]
            if user == TRAVELLER:
                spans = [(0.1 * user, 14.0, 1000), (17.0, RAMP_S + STEADY_S + 6.5, 1000)]
                story.add(Kind.OFFLINE, ZERO + 14 * S - MS, peer=user)
            for incarnation, (up_s, down_s, code) in enumerate(spans, 1):
                number += 1
                up, down = ZERO + int(up_s * S), ZERO + int(down_s * S)
                story.links[number] = Link(number, user, edge, up, down, code, incarnation)
                story.add(Kind.CONNECT, up, ref_ns=up - 9 * MS, link=number, peer=user)
                story.add(Kind.DISCONNECT, down, link=number, peer=user, spare=code)

    def _faults(self) -> None:
        times = {
            "requested": FAULT_S,
            "effective": FAULT_S + 0.04,
            "heal-requested": HEAL_S - 0.1,
            "healed": HEAL_S,
        }
        for step, at in times.items():
            self.story.chaos.append(
                {
                    "t_ns": ZERO + int(at * S),
                    "kind": "fault",
                    "id": "edge-crash",
                    "fault": "kill",
                    "target": "edge-blue-1",
                    "step": step,
                    "proof": {"pid_gone": 4711} if step == "effective" else {},
                    "detail": {},
                }
            )

    def _sends(self) -> None:
        rate = self.story.scenario["load"]["rate"]
        for at in range(STEADY_S * rate):
            intended = ZERO + RAMP_S * S + at * S // rate
            conv = self.rng.choice(list(self.story.convs))
            members = [m for m in self.story.convs[conv]["members"] if m not in (LATE, LEAVER)]
            author = self.rng.choice(members)
            away = author == TRAVELLER and ZERO + 13 * S < intended < ZERO + 18 * S
            if not away:
                self._send(conv, author, intended)
            if at == STEADY_S * rate // 3:
                self._room_event(RoomEvent.ADDED, LATE, intended + MS)
            if at == STEADY_S * rate // 2:
                self._room_event(RoomEvent.REMOVED, LEAVER, intended + MS)

    def _send(self, conv: int, author: int, intended: int) -> None:
        story, rng = self.story, self.rng
        self.sseq[conv, author] += 1
        sseq = self.sseq[conv, author]
        link = max(
            number
            for number, link in story.links.items()
            if link.user == author and link.up <= intended
        )
        known = {"conv": conv, "link": link, "peer": author, "sseq": sseq, "ref_ns": intended}
        handed = intended + rng.randrange(MS)
        sent = max(handed, self.free_at[conv, author]) + 100_000
        story.add(Kind.OP, handed, **known)
        story.add(Kind.ATTEMPT, sent, **known, spare=1)
        chance, end = rng.random(), sent + rng.randrange(4 * MS, 20 * MS)
        entry = {"t": end - 2 * MS, "event": 0, "peer": author, "sseq": sseq, "ref": intended}
        if chance < 0.004:
            story.add(Kind.REJECT, end, **known, spare=1)
        elif chance < 0.05 and FAULT_S * S <= intended - ZERO < (HEAL_S - 0.4) * S:
            # Elsewhere it would be a disturbance that no fault explains.
            if chance < 0.02:
                self.entries[conv].append(entry)
            end = sent + 300 * MS
            story.add(Kind.UNKNOWN, end, **known, spare=1)
        else:
            self.entries[conv].append(entry)
            if chance < 0.03:
                end = sent + 200 * MS
                story.add(Kind.ATTEMPT, end - 5 * MS, **known, spare=2)
            entry["ack"] = len(story.records)
            story.add(Kind.ACK, end, **known, spare=2 if chance < 0.03 else 1)
            story.add(Kind.NAMED, end, **known | {"ref_ns": server_id(conv, author, sseq)})
            story.add(Kind.STAMP, end, **known | {"ref_ns": entry["t"]})
        self.free_at[conv, author] = end

    def _ordered(self, conv: int) -> list[dict[str, int]]:
        """Return the entries in commit order; write their positions to their acknowledgements."""
        entries = sorted(self.entries[conv], key=_committed)
        for seq, entry in enumerate(entries, 1):
            entry["seq"] = seq
            if "ack" in entry:
                self.story.change(entry["ack"], seq=seq)
        return entries

    def _receive(self, conv: int, user: int) -> None:
        """Write what a member receives: pushes while connected, and the rest from the history."""
        first, last = self._range(conv, user)
        todo = deque(e for e in self._ordered(conv) if first <= e["seq"] <= last)
        shown, cursor = 0, first - 1
        for link in [link for link in self.story.links.values() if link.user == user]:
            missed = []
            while todo and todo[0]["t"] <= link.up:
                missed.append(todo.popleft())
            if missed:
                read = max(link.up + 20 * MS, shown)
                shown = self._resync(conv, link, cursor, missed, read, head_at=link.up)
                cursor = missed[-1]["seq"]
                if self.rng.random() < 0.5:  # the push of the last entry also arrives
                    self._record(Kind.RECEIVE, conv, link, missed[-1], shown, Flag.DUPLICATE)
            while todo:
                pushed = todo[0]["t"] + self.rng.randrange(3 * MS, 30 * MS)
                if pushed >= link.down:
                    break
                entry, shown = todo.popleft(), max(shown + 1_000, pushed)
                if cursor >= first and self.rng.random() < 0.01:
                    seq = entry["seq"]
                    self.story.add(Kind.GAP, shown, conv=conv, link=link.number, seq=seq, sseq=seq)
                    shown = self._resync(conv, link, cursor, [entry], shown + 25 * MS)
                else:
                    self._show(conv, link, entry, shown, Channel.LIVE)
                cursor = entry["seq"]

    def _range(self, conv: int, user: int) -> tuple[int, int]:
        for record in self.story.records:
            if record.kind == Kind.RANGE and (record.conv, record.peer) == (conv, user):
                return record.seq, record.sseq or 1 << 31
        return 1, 1 << 31

    def _resync(
        self,
        conv: int,
        link: Link,
        cursor: int,
        missed: list[dict[str, int]],
        t_ns: int,
        head_at: int = 0,
    ) -> int:
        """Write a page and what it contains; it reached the head if it was requested `head_at`."""
        self.story.add(
            Kind.PAGE,
            t_ns,
            ref_ns=head_at or t_ns - 5 * MS,
            conv=conv,
            link=link.number,
            peer=len(missed),
            sseq=missed[-1]["seq"],
            seq=cursor,
            spare=PageFlag.LAST if head_at else 0,
        )
        for at, entry in enumerate(missed, 1):
            self._show(conv, link, entry, t_ns + at * 1_000, Channel.RESYNC)
        return t_ns + len(missed) * 1_000

    def _show(
        self, conv: int, link: Link, entry: dict[str, int], t_ns: int, channel: Channel
    ) -> None:
        kind = Kind.ROOM if entry["event"] else Kind.DELIVER
        self._record(kind, conv, link, entry, t_ns, channel)

    def _record(
        self, kind: Kind, conv: int, link: Link, entry: dict[str, int], t_ns: int, flags: int
    ) -> None:
        event = Flag.ROOM_EVENT if kind == Kind.RECEIVE and entry["event"] else 0
        self.story.add(
            kind,
            t_ns,
            ref_ns=entry["ref"],
            conv=conv,
            link=link.number,
            peer=entry["peer"],
            sseq=entry["sseq"],
            seq=entry["seq"],
            flags=flags | event,
            spare=stamp_age(t_ns - entry["t"]) if kind == Kind.DELIVER else 0,
        )

    def _audit(self, conv: int) -> None:
        t_ns = ZERO + int((self.story.phases["audit"] + 0.5) * S)
        entries = self._ordered(conv)
        head = len(entries)
        self.story.add(
            Kind.PAGE, t_ns, ref_ns=t_ns - MS, conv=conv, peer=head, sseq=head, spare=PageFlag.LAST
        )
        for at, entry in enumerate(entries):
            self.story.add(
                Kind.AUDIT,
                t_ns + at,
                ref_ns=entry["ref"],
                conv=conv,
                peer=entry["peer"],
                sseq=entry["sseq"],
                seq=entry["seq"],
                flags=Channel.AUDIT | (Flag.ROOM_EVENT if entry["event"] else 0),
            )
            told = {
                Kind.NAMED: server_id(conv, entry["peer"], entry["sseq"]),
                Kind.STAMP: entry["t"],
            }
            for kind, ref_ns in told.items() if not entry["event"] else ():
                self.story.add(
                    kind,
                    t_ns + at,
                    ref_ns=ref_ns,
                    conv=conv,
                    peer=entry["peer"],
                    sseq=entry["sseq"],
                    seq=entry["seq"],
                    flags=Channel.AUDIT,
                )
        self.story.add(Kind.HEAD, t_ns + len(entries), conv=conv, seq=len(entries))


@functools.cache
def _built(seed: int, rate: int) -> Story:
    return _Model(seed, rate).build()


def good_story(seed: int = 1, rate: int = 40) -> Story:
    """Return a run without violations; each caller gets a copy that it may break."""
    built = _built(seed, rate)
    return dataclasses.replace(
        built,
        scenario=copy.deepcopy(built.scenario),
        records=list(built.records),
        users=dict(built.users),
        convs=copy.deepcopy(built.convs),
        links=dict(built.links),
        chaos=copy.deepcopy(built.chaos),
        accounts=dict(built.accounts),
        conductor=[],
        phases=dict(built.phases),
        reconciliation=dict(built.reconciliation),
        live=[],
    )
