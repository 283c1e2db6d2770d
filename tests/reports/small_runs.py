"""Small runs, of which a test states every record: for the boundaries of single checks.

Times are in seconds from the start of the ramp. User 1 is `u1` and has connection 1, and so on;
conversation 1 is `c1`. The quiesce begins at 26 s, and the audit at 32 s.
"""

from typing import Any

import numpy as np

from gauntlet.campaigns.synthetic.story import ZERO, Link, S, Story
from gauntlet.core.history import DTYPE, Channel, Kind, PageFlag
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history.directory import Connection, Conversation, Names
from gauntlet.reports.history.events import collect_events
from gauntlet.reports.history.history import History, assemble_history

NS = 1e-9  # one nanosecond, for what lies just beyond a limit
AUDIT_S = 33.0


def ns(at_s: float) -> int:
    """Return a time of the run in nanoseconds."""
    return ZERO + round(at_s * S)


class SmallRun:
    """A run of some conversations with their members, who are connected from the beginning."""

    def __init__(self, *members: tuple[int, ...], **scenario: Any) -> None:
        self.story = Story()
        self.story.scenario |= {"faults": [], "sla": [], **scenario}
        self.story.phases = {"ramp": 0, "steady": 2, "quiesce": 26, "audit": 32, "done": 40}
        members = members or ((1, 2, 3),)
        for conv, of_conv in enumerate(members, 1):
            about = {"name": f"c{conv}", "workload": "group", "members": list(of_conv)}
            self.story.convs[conv] = about
        for user in sorted({user for of_conv in members for user in of_conv}):
            self.story.users[user] = f"u{user}"
            self.connect(user, 0, link=user)
        self.traits = Traits()
        self.without = ""  # a capability

    def add(self, kind: Kind, at_s: float, **fields: int) -> None:
        """Add a record."""
        self.story.add(kind, ns(at_s), **fields)

    def connect(self, user: int, at_s: float, *, link: int, device: str = "d0") -> None:
        """Let a user connect; each of their connections has a number of its own."""
        about = {"up": ns(at_s), "down": 0, "code": 0, "incarnation": 1, "device": device}
        self.story.links[link] = Link(link, user, "edge-blue-1", **about)
        self.add(Kind.CONNECT, at_s, link=link, peer=user, ref_ns=ns(at_s))

    def disconnect(self, user: int, at_s: float, *, link: int = 0) -> None:
        """Let a connection of a user end, the first one if none is named."""
        self.add(Kind.DISCONNECT, at_s, link=link or user, peer=user)

    def send(
        self,
        conv: int,
        seq: int,
        at_s: float,
        *,
        author: int = 1,
        sseq: int = 0,
        took_s: float = 0.1,
        end: Kind = Kind.ACK,
    ) -> None:
        """Let a message be sent and acknowledged at position `seq`, which is also its number."""
        known = {"conv": conv, "link": author, "peer": author, "sseq": sseq or seq}
        known["ref_ns"] = ns(at_s)
        self.add(Kind.OP, at_s, **known)
        self.add(Kind.ATTEMPT, at_s, **known, spare=1)
        position = seq if end == Kind.ACK else 0
        self.add(end, at_s + took_s, **known, spare=1, seq=position)

    def deliver(
        self,
        conv: int,
        number: int,
        at_s: float,
        *users: int,
        author: int = 1,
        kind: Kind = Kind.DELIVER,
        **fields: int,
    ) -> None:
        """Present a message to users at the position that is its number, unless `seq` is given."""
        for user in users:
            known = {"conv": conv, "link": user, "peer": author, "sseq": number, "seq": number}
            self.add(kind, at_s, **known | fields)

    def page(
        self, conv: int, user: int, at_s: float, *, after: int, last: int, entries: int
    ) -> None:
        """Answer a user, or the audit (0), with a page of history that reaches its head `last`."""
        known = {"conv": conv, "link": user, "peer": entries, "seq": after, "sseq": last}
        self.add(Kind.PAGE, at_s, **known, ref_ns=ns(at_s - 0.01), spare=PageFlag.LAST)

    def audit(self, conv: int, *positions: int, head: int, author: int = 1) -> None:
        """Let the audit of a conversation find messages at positions, and a head."""
        for seq in positions:
            known = {"conv": conv, "peer": author, "sseq": seq, "seq": seq}
            self.add(Kind.AUDIT, AUDIT_S, **known, flags=Channel.AUDIT)
        self.add(Kind.HEAD, AUDIT_S, conv=conv, seq=head)

    def fault(self, effective_s: float | None, healed_s: float | None) -> None:
        """Plan a fault, and let it act if it has a time, until its heal if there is one."""
        number = len(self.story.scenario["faults"]) + 1
        about = {"kind": "kill", "target": "edge-blue-1", "at": 8, "for": 2}
        self.story.scenario["faults"].append({"id": f"fault-{number}", **about})
        steps = {"requested": effective_s, "effective": effective_s, "healed": healed_s}
        for step, at_s in steps.items():
            if at_s is not None:
                row = {
                    "writer": "chaos",
                    "kind": "fault",
                    "id": f"fault-{number}",
                    "fault": "kill",
                    "step": step,
                }
                row |= {"target": "edge-blue-1", "proof": {"pid_gone": 1}, "detail": {}}
                self.story.chaos.append({"t_ns": ns(at_s), **row})

    def declare(self, **about: Any) -> None:
        """Declare what an importer does of a history, such as the checks that it excludes."""
        row = {"writer": "load-0", "kind": "reconciliation", "worker": 0, "records": {}}
        self.story.chaos.append({"t_ns": ns(39), **row, **about})

    def history(self) -> History:
        """Return the history of the run, which is not written to files."""
        story, scenario = self.story, from_builtins(self.story.scenario)
        ordered = sorted(story.records, key=lambda record: record.t_ns)
        records = np.frombuffer(b"".join(record.pack() for record in ordered), dtype=DTYPE)
        phases = [
            {"writer": "load-0", "kind": "phase", "phase": phase, "t_ns": ns(at_s)}
            for phase, at_s in story.phases.items()
        ]
        rows = sorted([*phases, *story.chaos], key=lambda row: int(row["t_ns"]))
        convs = {
            conv: Conversation(about["name"], about["workload"], tuple(about["members"]))
            for conv, about in story.convs.items()
        }
        connections = {
            link.number: Connection(link.user, link.device, link.incarnation, link.edge, "blue")
            for link in story.links.values()
        }
        return assemble_history(
            scenario,
            collect_events(rows, scenario.faults),
            Names(story.users, convs, connections, accounts=story.accounts),
            records,
            frozenset(CAPABILITIES) - {self.without},
            traits=self.traits,
        )

    def verdict(self, check: str) -> Verdict:
        """Return the verdict of a check, which must not have crashed."""
        found = checks.run_one(check, self.history())
        assert "The check crashed" not in found.sentence, found.sentence
        return found


def sentences(verdict: Verdict) -> list[str]:
    """Return what the witnesses of a verdict say."""
    return [witness.sentence for witness in verdict.witnesses]
