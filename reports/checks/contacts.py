"""contacts: the lists of two accounts contradict what they did, or a block outlives its removal.

Accounts that take no part in the load befriend, block and unblock each other, and read their lists
after each change (CONTACT, CONTACT_LIST). A list must show every change that was answered before it
was requested, also during a fault: what was acknowledged is not lost. Where a change was not
answered, several lists are possible. `_relations.py` says which.

A direct message, or a request for friendship, must be accepted if the same account could do the
same before and neither of the two has certainly blocked the other for `BLOCK_NS`, unless a fault or
its recovery may have kept the removal of the last block from taking effect. What was accepted
between friends may be refused to others, and so may a request that the account has already made.

Where changes of a pair overlap, which those of a load do not, each one that was granted may have
taken effect before or after the others. A list that overlaps with a change is not examined, and one
that overlaps with another list is only if no change may take effect meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import Contact, Kind, ProbeResult, Relation
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._relations import Change, Relations
from gauntlet.reports.checks._shared import may_meet_fault
from gauntlet.reports.checks.access import BLOCK_NS
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Bools, Ints, Records, equal, ints, is_any
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "contacts",
    "a list of friends, requests and blocks contradicts what users did, or a block outlives its "
    "removal",
    aspect="contacts",
    required=True,
    examined_min=1,
)

_DID = {
    Contact.REQUEST: "{who} had requested the friendship of {other}",
    Contact.END: "{who} had ended what was between them and {other}",
    Contact.BLOCK: "{who} had blocked {other}",
    Contact.UNBLOCK: "{who} had ended their block of {other}",
}
_WHERE = {
    Relation.FRIEND: "among the friends",
    Relation.INCOMING: "among the incoming requests",
    Relation.OUTGOING: "among the outgoing requests",
    Relation.BLOCKED: "among the blocked users",
}
_TRIED = {
    Contact.REQUEST: "requested the friendship of {other}",
    Contact.SEND: "sent a direct message to {other}",
}


@dataclass
class _Judgement:
    """What the records of all pairs show."""

    history: History
    examined: int = 0
    wrong: list[Witness] = field(default_factory=list)

    def name(self, account: int) -> str:
        """Return the name of an account."""
        return self.history.names.user(account)


def check(history: History) -> Finding:
    records = history.records
    at = np.flatnonzero(is_any(records["kind"], (Kind.CONTACT, Kind.CONTACT_LIST)))
    at = at[_are_valid(records[at])]
    found = _Judgement(history)
    for pair in _pairs(history, at):
        _judge_pair(found, pair)
    found.wrong.sort(key=lambda witness: witness.at_ns)
    why_not = "" if at.size else "No accounts outside the load befriended or blocked each other."
    if at.size and not found.examined:
        why_not = "No list of contacts and no attempt after a block was answered."
    return Finding(
        examined=found.examined,
        subject="answers about contacts",
        statement="{count} of {examined} {subject} {are} wrong.",
        count=len(found.wrong),
        witnesses=tuple(found.wrong[:WITNESSES_MAX]),
        not_applicable=why_not,
        unexamined=0 if found.examined else at.size,
        times_ns=ints(np.array([witness.at_ns for witness in found.wrong], dtype=np.int64)),
    )


def _are_valid(rows: Records) -> Bools:
    """Return which records say something; a damaged shard may hold any number."""
    found: Bools = rows["kind"] == Kind.CONTACT_LIST
    found |= np.isin(rows["seq"], list(Contact)) & np.isin(rows["spare"], list(ProbeResult))
    return found


def _pairs(history: History, at: Ints) -> Iterator[Ints]:
    """Yield the records of each pair of accounts in the order of their requests."""
    rows = history.records[at]
    low = np.minimum(rows["peer"], rows["sseq"])
    high = np.maximum(rows["peer"], rows["sseq"])
    order = np.lexsort((rows["t_ns"], rows["ref_ns"], high, low))
    ends = np.flatnonzero((np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)) + 1
    if at.size:
        yield from np.split(at[order], ends)


def _judge_pair(found: _Judgement, at: Ints) -> None:
    """Judge what was between two changes, or groups of changes that overlap, and then the next."""
    rows = found.history.records[at]
    asked_ns, answered_ns = ints(rows["ref_ns"]), ints(rows["t_ns"])
    changing = equal(rows["kind"], Kind.CONTACT) & (rows["seq"] != Contact.SEND)
    groups = _overlapping(np.flatnonzero(changing), asked_ns, answered_ns)
    others = np.flatnonzero(~changing)
    begins_ns = np.array([asked_ns[group[0]] for group in groups], dtype=np.int64)
    ends_ns = np.array([answered_ns[group].max() for group in groups], dtype=np.int64)
    before = np.searchsorted(ends_ns, asked_ns[others], side="right")
    between = before == np.searchsorted(begins_ns, answered_ns[others])
    others, before = others[between], before[between]
    alone = _are_alone(asked_ns, answered_ns)
    known = Relations()
    able: set[tuple[int, int]] = set()  # what of whom was granted
    last = -1  # the last change that was granted
    for number, group in enumerate([*groups, np.empty(0, dtype=np.int64)]):
        first, end = np.searchsorted(before, (number, number + 1))
        for place in others[first:end].tolist():
            if rows["kind"][place] == Kind.CONTACT:
                _judge_attempt(found, known, able, int(at[place]))
            elif alone[place] or known.is_settled:
                _judge_list(found, known, int(at[place]), last)
        if group.size == 1 and rows["seq"][group[0]] == Contact.REQUEST:
            _judge_attempt(found, known, able, int(at[group[0]]))
        if group.size:
            known.change_together([_change(row) for row in rows[group]])
            granted = group[equal(rows["spare"][group], ProbeResult.GRANTED)]
            last = int(at[granted[-1]]) if granted.size else last


def _overlapping(places: Ints, asked_ns: Ints, answered_ns: Ints) -> list[Ints]:
    """Return the requests at these places in groups that overlap, in their order."""
    if not places.size:
        return []
    latest_ns = np.maximum.accumulate(answered_ns[places])
    return np.split(places, np.flatnonzero(asked_ns[places][1:] >= latest_ns[:-1]) + 1)


def _are_alone(asked_ns: Ints, answered_ns: Ints) -> Bools:
    """Return which requests, in their order, overlap with no other one."""
    alone = np.ones(asked_ns.size, dtype=np.bool_)
    begins_after = asked_ns[1:] >= np.maximum.accumulate(answered_ns)[:-1]
    alone[1:] &= begins_after
    alone[:-1] &= begins_after
    return alone


def _change(row: Any) -> Change:
    return Change(
        int(row["peer"] > row["sseq"]),
        Contact(int(row["seq"])),
        ProbeResult(int(row["spare"])),
        int(row["ref_ns"]),
        int(row["t_ns"]),
    )


def _judge_list(found: _Judgement, known: Relations, at: int, last: int) -> None:
    row = found.history.records[at]
    side, seen = int(row["peer"] > row["sseq"]), Relation(int(row["seq"]))
    due = known.may_show(side)
    found.examined += 1
    if seen not in due:
        found.wrong.append(_list_witness(found, at, due, last))
    known.show(side, seen & ~Relation.UNRELATED, int(row["t_ns"]))


def _judge_attempt(
    found: _Judgement, known: Relations, able: set[tuple[int, int]], at: int
) -> None:
    """Judge an attempt if the account has succeeded with the same before, and note if it does."""
    row = found.history.records[at]
    begun_ns, result = int(row["ref_ns"]), int(row["spare"])
    side, contact = int(row["peer"] > row["sseq"]), int(row["seq"])
    is_due = (side, contact) in able
    is_due &= not known.may_want(side) if contact == Contact.REQUEST else known.may_write(side)
    if result == ProbeResult.GRANTED:
        able.add((side, contact))
        if contact == Contact.SEND:
            known.write(side)
    free_ns = known.free_since_ns
    if result == ProbeResult.UNKNOWN or free_ns is None or begun_ns - free_ns < BLOCK_NS:
        return
    if not is_due:
        return
    span = np.array([begun_ns - BLOCK_NS]), np.array([int(row["t_ns"])])
    if may_meet_fault(found.history, *span).any():
        return
    found.examined += 1
    if result == ProbeResult.REFUSED:
        tried = _TRIED[Contact(int(row["seq"]))].format(other=found.name(int(row["sseq"])))
        free = format_s((begun_ns - free_ns) / NS_PER_S)
        found.wrong.append(
            Witness(
                f"{found.name(int(row['peer']))} {tried} and was refused, {free} after any block "
                "between the two had ended.",
                records=(at,),
                at_ns=int(row["t_ns"]),
            )
        )


def _list_witness(found: _Judgement, at: int, due: set[Relation], last: int) -> Witness:
    row = found.history.records[at]
    reader, other, seen = int(row["peer"]), int(row["sseq"]), Relation(int(row["seq"]))
    if seen & Relation.UNRELATED:
        sentence = (
            f"The lists of {found.name(reader)} name accounts with which they never had to do."
        )
        return Witness(sentence, records=(at,), at_ns=int(row["t_ns"]))
    where = " or ".join(_place(each) for each in sorted(due))
    sentence = f"The lists of {found.name(reader)} have {found.name(other)} {_place(seen)}"
    sentence += f", and not {where}"
    if last < 0:
        return Witness(f"{sentence}.", records=(at,), at_ns=int(row["t_ns"]))
    change = found.history.records[last]
    did = _DID[Contact(int(change["seq"]))].format(
        who=found.name(int(change["peer"])), other=found.name(int(change["sseq"]))
    )
    return Witness(f"{sentence}, after {did}.", records=(last, at), at_ns=int(row["t_ns"]))


def _place(shown: Relation) -> str:
    return " and ".join(text for flag, text in _WHERE.items() if shown & flag) or "nowhere"
