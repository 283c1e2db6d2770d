"""Positions that a server stated although its conversation did not reach them.

A server states how far a conversation reaches when it accepts a connection (START), when it
announces what it will not push (GAP), with the last page of a history (PAGE), and in a list of last
positions (a PAGE with the flag HEADS). It may do so in any other frame, such as a heartbeat: what
clients still look for at the end of a load is a GAP with Channel.HISTORY. Two things show that the
conversation did not:

- The audit, which came later, ends before that position, and so does everything that clients have
  ever received. For a page, `history-gap` counts the positions that are missing.
- The message at that position was first sent later. A message has no position before it is stored.
"""

from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Channel, Kind, PageFlag
from gauntlet.reports.checks._ack_positions import misplaced_acks
from gauntlet.reports.checks._known_positions import KnownPositions, last_pages
from gauntlet.reports.checks._shared import found_positions
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Ints,
    earliest_from,
    equal,
    find,
    group_numbers,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History


class Claim(NamedTuple):
    """A record that states a position, and the message that took it later, -1 if none did."""

    record: int
    position: int
    message: int


def find_claims(history: History, positions: KnownPositions) -> list[Claim]:
    """Return what servers stated although it did not exist, in the order of the records."""
    records = history.records
    pages = last_pages(records)
    stated = np.flatnonzero(is_any(records["kind"], (Kind.START, Kind.GAP)))
    stated = np.sort(np.concatenate([stated, pages[records["link"][pages] > 0]]))
    is_start = equal(records["kind"][stated], Kind.START)
    position = ints(np.where(is_start, records["seq"][stated], records["sseq"][stated]))
    conv = ints(records["conv"][stated])
    message = _sent_later(history, conv, position, ints(records["t_ns"][stated]))
    beyond = position > np.maximum(positions.last(conv), _audited_until(history, stated))
    listed = has_flag(records["spare"][stated], PageFlag.HEADS)
    beyond &= ~equal(records["kind"][stated], Kind.PAGE) | listed
    chosen = np.flatnonzero((message >= 0) | beyond)
    columns = stated[chosen], position[chosen], message[chosen]
    return [Claim(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _sent_later(history: History, conv: Ints, position: Ints, t_ns: Ints) -> Ints:
    """Return the message at each position if it was first sent after the time, otherwise -1.

    So were all messages at later positions: otherwise the server has assigned positions in another
    order, which `realtime` reports.
    """
    none = np.full(position.size, -1, dtype=np.int64)
    if not position.size:
        return none
    messages = history.messages
    found = found_positions(history)
    # Where acknowledgement and store disagree, `ack-content` or `position` reports the message.
    placed = messages.sent & (found > 0) & (found == messages.position)
    placed[messages.of_record[misplaced_acks(history)]] = False
    sent = np.flatnonzero(placed & (messages.first_attempt_ns < NEVER))
    if not sent.size:
        return none
    sent = sent[stable_order(messages.conv[sent], found[sent])]
    places, first, _ = grouped(pair(messages.conv[sent], found[sent]))
    of_conv = group_numbers(messages.conv[sent])
    earliest_ns = earliest_from(of_conv, messages.first_attempt_ns[sent])[first]
    at = find(places, pair(conv, position))
    allowed_ns = int(2 * history.events.clocks.error_ms * NS_PER_MS)
    late = (at >= 0) & (earliest_ns[at] > t_ns + allowed_ns)
    return np.where(late, sent[first][at], -1)


def _audited_until(history: History, stated: Ints) -> Ints:
    """Return the head that the audit read after each record, `NEVER` where it read none.

    Where messages may disappear, the last ones may have disappeared before the audit.
    """
    records, traits = history.records, history.traits
    unknown = np.full(stated.size, NEVER, dtype=np.int64)
    heads = np.flatnonzero(equal(records["kind"], Kind.HEAD))
    if traits.may_disappear or traits.retention is not None or not heads.size:
        return unknown
    convs, first, _ = grouped(ints(records["conv"][heads]))
    at = find(convs, ints(records["conv"][stated]))
    head = heads[first][at]
    stated_ns = ints(records["t_ns"][stated]) + history.events.clock_error_ns
    read_later = (at >= 0) & (records["t_ns"][head] >= stated_ns)
    return np.where(read_later, ints(records["seq"][head]), unknown)


def witness(history: History, claim: Claim) -> Witness:
    """Return a claim in words."""
    record, user = history.records[claim.record], int(history.user[claim.record])
    conv, name = history.names.conv(int(record["conv"])), history.names.user(user)
    told = {
        Kind.START: f"was told at connect that {conv} ends at position {claim.position:,}",
        Kind.GAP: f"was told that positions of {conv} up to {claim.position:,} are not pushed",
        Kind.PAGE: f"received a page of {conv} that claims to reach position {claim.position:,}",
    }[Kind(int(record["kind"]))]
    if record["kind"] == Kind.PAGE and record["spare"] & PageFlag.HEADS:
        told = f"was told by the list of heads that {conv} ends at position {claim.position:,}"
    if record["kind"] == Kind.GAP and record["flags"] & CHANNEL_BITS == Channel.HISTORY:
        told = f"was told that {conv} reaches position {claim.position:,} and did not find it"
    why = "but the audit, which came later, ends before it"
    if claim.message >= 0:
        why = f"which {history.title(claim.message)} took, but it was first sent later"
    messages = () if claim.message < 0 else (claim.message,)
    return Witness(f"{name} {told}, {why}.", messages, user, (claim.record,))
