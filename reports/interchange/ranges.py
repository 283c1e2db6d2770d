"""Which users may read what, from the `member` lines of a history, as records and members.

A user who was certainly a member during all sends of a conversation may read all of it, and one
with positions may read these. Of any other member it is not known which messages they had to
receive: the checks expect nothing of them, and allow everything. That also holds for all users of a
conversation without any `member` line. The clocks of members and senders may differ.
"""

from itertools import pairwise

from gauntlet.core.history import Kind, ProbeResult, Record, RoomEvent
from gauntlet.core.run_directory import UNKNOWN_SENDER
from gauntlet.reports.interchange.converter import Converter, MemberSpan
from gauntlet.reports.interchange.spool import GROUPS


def records(converter: Converter, group: int) -> list[Record]:
    """Return the RANGE records of the conversations of a group."""
    found: list[Record] = []
    known = set()
    for span in converter.members:
        if span.conv % GROUPS == group and (interval := _interval(converter, span)):
            first, last = interval
            found.append(_range(converter, span.conv, span.user, first, last))
            known.add(span.conv)
    # A conversation with any range is one in which members without a range are not judged.
    conversations = set(converter.names.conversations.values())
    found += [
        _range(converter, conv, UNKNOWN_SENDER, 1, 0)
        for conv in sorted(conversations - known)
        if conv % GROUPS == group
    ]
    return found


def members(converter: Converter) -> dict[int, list[int]]:
    """Return the members of each conversation: those of its lines, or else all who took part."""
    listed: dict[int, set[int]] = {}
    for span in converter.members:
        listed.setdefault(span.conv, set()).add(span.user)
    took_part: dict[int, set[int]] = {}
    for conv, user in converter.participants:
        if conv not in listed:
            took_part.setdefault(conv, set()).add(user)
    return {conv: sorted(users) for conv, users in {**took_part, **listed}.items()}


def partial_readers(converter: Converter) -> set[tuple[int, int]]:
    """Return (conversation, user) of all members who may not read all of the conversation."""
    whole = {
        (span.conv, span.user) for span in converter.members if _interval(converter, span) == (1, 0)
    }
    return {(span.conv, span.user) for span in converter.members} - whole


def add_absences(converter: Converter) -> None:
    """Add a removal and an addition for each time between two times that a user was a member.

    Which positions they may read then is not known, but only that they need not receive all.
    """
    spans: dict[tuple[int, int], list[MemberSpan]] = {}
    for span in converter.members:
        if span.first is None and span.last is None:
            spans.setdefault((span.conv, span.user), []).append(span)
    for (conv, user), known in spans.items():
        known.sort(key=lambda span: span.since_ns or 0)
        for left, again in pairwise(known):
            left_ns, back_ns = left.until_ns, again.since_ns
            if left_ns is None or back_ns is None or back_ns < left_ns:
                continue
            for t_ns, event in ((left_ns, RoomEvent.REMOVED), (back_ns, RoomEvent.ADDED)):
                fields = {"ref_ns": t_ns, "peer": user, "sseq": int(event)}
                granted = int(ProbeResult.GRANTED)
                converter.spool.add(Kind.MEMBERSHIP, t_ns, conv, **fields, spare=granted)


def _interval(converter: Converter, span: MemberSpan) -> tuple[int, int] | None:
    """Return the positions that a member may read (0: no end), None if they are not known."""
    if span.unsure:
        return None
    if span.first is not None or span.last is not None:
        return (span.first or 1), (span.last or 0)
    first_ns, last_ns = converter.sends.get(span.conv, (0, 0))
    error_ns = converter.clock_error_ns
    joined_late = span.since_ns is not None and span.since_ns + error_ns > first_ns
    left_early = span.until_ns is not None and span.until_ns - error_ns <= last_ns
    return None if joined_late or left_early else (1, 0)


def _range(converter: Converter, conv: int, user: int, first: int, last: int) -> Record:
    t_ns = max(converter.first_ns, 1)
    return Record(t_ns, conv=conv, peer=user, seq=first, sseq=last, kind=Kind.RANGE)
