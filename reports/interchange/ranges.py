"""Which users may read what, from the `member` lines of a history, as records and members.

A user who was certainly a member during all sends of a conversation may read all of it, and one
with positions may read these. Of a member with times it is not known which positions they may read,
but only which messages were certainly sent while they were in, or while they were out. Of any other
member the checks expect nothing, and they allow everything. That also holds for all users of a
conversation without any `member` line. The clocks of members and senders may differ.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind, ProbeResult, Record, RoomEvent
from gauntlet.core.run_directory import UNKNOWN_SENDER
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.interchange.converter import Converter, MemberSpan
from gauntlet.reports.interchange.spool import GROUPS

# Messages may need SETTLE_NS until they reach a user who has joined, or reach one no more who has
# left, and a log may note a change that much later. A user may miss what was acknowledged in the
# LEAVE_NS before they left, and in the second before that, which the checks allow for.
SETTLE_NS, LEAVE_NS = NS_PER_S, 4 * NS_PER_S


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


class Stay(NamedTuple):
    """When a member may certainly read all of a conversation."""

    since_ns: int
    until_ns: int

    def covers(self, first_ns: int, last_ns: int) -> bool:
        """Return whether all of a time is part of the stay."""
        return self.since_ns <= first_ns and last_ns < self.until_ns


class Readers(NamedTuple):
    """What is known of readers by their connections.

    `of_part` are the sorted keys (conversation, connection) of those who may read only a part of a
    conversation. `stays` are those who may have left it, with the times at which they may read all.
    """

    of_part: Ints
    stays: dict[tuple[int, int], list[Stay]]


def stays(converter: Converter) -> dict[tuple[int, int], list[Stay]]:
    """Return when those may read all of a conversation who leave it after its last send.

    The keys are (conversation, user). Members of whom nothing is known have no stay.
    """
    unsure = {(span.conv, span.user) for span in converter.members if span.unsure}
    leavers = {(span.conv, span.user) for span in converter.members if span.until_ns is not None}
    found: dict[tuple[int, int], list[Stay]] = {key: [] for key in leavers | unsure}
    for span in converter.members:
        known = found.get((span.conv, span.user))
        if known is not None and _interval(converter, span) == (1, 0):
            until_ns = NEVER if span.until_ns is None else span.until_ns - converter.clock_error_ns
            known.append(Stay(0 if span.since_ns is None else span.since_ns, until_ns))
    return {key: known for key, known in found.items() if known or key in unsure}


def add_absences(converter: Converter) -> None:
    """Add the requests and answers by which members left and joined whose times are known.

    Between its request and its answer, a change is under way: a message that was sent then reaches
    the user or not.
    """
    spans: dict[tuple[int, int], list[MemberSpan]] = {}
    for span in converter.members:
        spans.setdefault((span.conv, span.user), []).append(span)
    for (conv, user), known in spans.items():
        if any(span.unsure or _interval(converter, span) for span in known):
            continue
        fields = {"peer": user, "spare": int(ProbeResult.GRANTED)}
        for event, ref_ns, t_ns in _changes(converter, known):
            fields |= {"ref_ns": ref_ns, "sseq": int(event)}
            converter.spool.add(Kind.MEMBERSHIP, t_ns, conv, **fields)


def _changes(converter: Converter, spans: list[MemberSpan]) -> Iterator[tuple[RoomEvent, int, int]]:
    """Yield the changes that begin and end the absences of a user, with request and answer."""
    error_ns, earliest_ns = converter.clock_error_ns, max(converter.first_ns, 1)
    requested_ns = earliest_ns
    for left_ns, back_ns in _absences(spans):
        # A stay may be shorter than LEAVE_NS.
        requested_ns = max(requested_ns, left_ns - LEAVE_NS - error_ns)
        answered_ns = max(earliest_ns, left_ns and left_ns + SETTLE_NS + error_ns)
        yield RoomEvent.REMOVED, requested_ns, min(answered_ns, converter.last_ns)
        if back_ns < NEVER:
            requested_ns = max(requested_ns, back_ns - SETTLE_NS - error_ns)
            answered_ns = min(back_ns + SETTLE_NS, converter.last_ns)
            yield RoomEvent.ADDED, requested_ns, max(requested_ns, answered_ns)


def _absences(spans: list[MemberSpan]) -> Iterator[tuple[int, int]]:
    """Yield (when a user left, when they came back), 0 and NEVER where there is no such time."""
    left_ns = 0
    for span in sorted(spans, key=lambda span: span.since_ns or 0):
        since_ns = span.since_ns or 0
        until_ns = NEVER if span.until_ns is None else span.until_ns
        if since_ns > left_ns and until_ns > since_ns:
            yield left_ns, since_ns
        left_ns = max(left_ns, until_ns)
    if left_ns < NEVER:
        yield left_ns, NEVER


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
