"""What pages of history omitted in systems that tell no positions.

A page is a slice of the order in which the system placed the messages of its conversation. So it
has a message that certainly lies between two of its entries: one that was sent after an entry was
acknowledged, and acknowledged before another entry was sent. Where the system does not promise an
order across senders (`realtime` is excluded), all three are of one sender. A complete page has
everything that was acknowledged before it was requested, unless the server need not keep it.

Only messages are compared that are stored for certain, and that the reader may certainly read: sent
in the stay in which the page was answered. Where no line says who is a member, that is what lies
between two entries. A page whose order contradicts the times shows that the system placed a
message wrongly; this is the concern of `sender-fifo` and `realtime`. Such a page does not show what
lies between its entries, and the messages in question are not compared in any page.

Messages of which a line has the position are compared by positions instead.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Flag, PageFlag
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks._pages import (
    Listings,
    are_audits,
    entries,
    listed_messages,
    whole_pages,
)
from gauntlet.reports.checks._ranks import Rows, count_within
from gauntlet.reports.checks._shared import lost_messages, named_by, stored_ns
from gauntlet.reports.checks.finding import WITNESSES_MAX, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    contains,
    distinct,
    earliest_from,
    find,
    group_numbers,
    grouped,
    has_flag,
    ints,
    pair,
    sorted_groups,
    stable_order,
)
from gauntlet.reports.history.history import History

_LATE = 0xFFFFFFFE  # a position behind all others
_ANYONE = 0  # in place of an author


class PageGaps(NamedTuple):
    """How many messages pages had to contain, how many of these are missing, and witnesses."""

    examined: int
    missing: int
    witnesses: tuple[Witness, ...]


class _Spans(NamedTuple):
    """What pages had to contain: what was sent after a time and acknowledged before another one.

    `author` is whose messages; `between` says that the times are those of two entries.
    """

    page: Ints
    author: Ints
    after_ns: Ints
    before_ns: Ints
    between: Bools

    def of(self, chosen: Bools | Ints) -> "_Spans":
        return _Spans(
            self.page[chosen],
            self.author[chosen],
            self.after_ns[chosen],
            self.before_ns[chosen],
            self.between[chosen],
        )

    def and_of(self, others: "_Spans") -> "_Spans":
        """Return these spans, and others behind them."""
        return _Spans(
            np.concatenate([self.page, others.page]),
            np.concatenate([self.author, others.author]),
            np.concatenate([self.after_ns, others.after_ns]),
            np.concatenate([self.before_ns, others.before_ns]),
            np.concatenate([self.between, others.between]),
        )


class _Pages(NamedTuple):
    """Pages with their readers: since when these may read, and whether that is certain."""

    record: Ints
    since_ns: Ints
    is_certain: Bools

    def of(self, chosen: Bools) -> "_Pages":
        return _Pages(self.record[chosen], self.since_ns[chosen], self.is_certain[chosen])


def find_gaps(history: History) -> PageGaps:
    """Return what pages omitted whose entries are all recorded."""
    pages = _judged_pages(history)
    if not pages.record.size:
        return PageGaps(0, 0, ())
    listed = listed_messages(history)
    listed = listed.of(contains(pages.record, listed.page))
    misplaced = _misplaced(history, listed)
    required = _required_messages(history, pages) & ~misplaced
    spans = _spans(history, pages, listed, misplaced)
    due = _count_required(history, np.flatnonzero(required), spans)
    missing = due - _count_listed(history, listed.of(required[listed.message]), spans)
    short = np.flatnonzero(missing > 0)
    found = _witnesses(history, spans.of(short), np.flatnonzero(required), listed)
    return PageGaps(int(due.sum()), int(missing.sum()), tuple(islice(found, WITNESSES_MAX)))


def _judged_pages(history: History) -> _Pages:
    """Return the pages whose readers may read something for certain."""
    records, pages = history.records, whole_pages(history)
    if named_by(history, "phantom"):
        pages = pages[~contains(_with_forged_entries(history), pages)]
    conv, user = ints(records["conv"][pages]), history.user[pages]
    membership = history.membership
    timed = membership.timed(conv, user)
    latest = np.full(pages.size, _LATE, dtype=np.int64)
    whole = membership.entitled(conv, user, latest) & ~timed
    whole &= membership.range_begins(conv, user, latest) <= 1
    whole |= user == 0
    inside = records["spare"][pages] & PageFlag.OUTSIDE == 0
    since_ns = np.zeros(pages.size, dtype=np.int64)
    since_ns[timed] = membership.changes.member_since_ns(
        conv[timed], user[timed], ints(records["t_ns"][pages[timed]])
    )
    certain = whole | timed | are_audits(history, pages)
    # Nothing is sent after `NEVER`, which is for readers who were not certainly members.
    return _Pages(pages, since_ns, certain).of(inside & (certain | membership.unsure(conv, user)))


def _with_forged_entries(history: History) -> Ints:
    """Return the pages that have an entry which names a message and is not what was sent."""
    found, records = entries(history), history.records
    forged = has_flag(records["flags"][found.record], Flag.FOREIGN)
    return distinct(found.page[forged & (records["sseq"][found.record] > 0)])


def _required_messages(history: History, pages: _Pages) -> Bools:
    """Return which messages of the conversations of the pages are certainly stored."""
    messages = history.messages
    required: Bools = messages.sent & (messages.position == 0)
    required &= (messages.first_attempt_ns < NEVER) & messages.acked & ~messages.handed_over
    required &= contains(distinct(ints(history.records["conv"][pages.record])), messages.conv)
    if named_by(history, "lost-acked"):
        required &= ~lost_messages(history)
    return required


class _Entries(NamedTuple):
    """Entries of pages, sorted by groups of those that have an order, and by their places."""

    page: Ints
    author: Ints
    message: Ints
    group: Ints
    sent_ns: Ints
    stored_ns: Ints


def _entries_in_order(history: History, listed: Listings) -> _Entries:
    """Return the entries whose order the system promises: of each page, or of each author in it."""
    if "sender-fifo" in history.events.unjudged:
        listed = Listings(listed.page[:0], listed.message[:0])
    author = np.full_like(listed.message, _ANYONE)
    if "realtime" in history.events.unjudged:
        author = history.messages.author[listed.message]
    order, begins = sorted_groups(listed.page, author)
    message = listed.message[order]
    sent = history.messages.sent[message]
    return _Entries(
        page=listed.page[order],
        author=author[order],
        message=message,
        group=np.cumsum(begins) - 1,
        sent_ns=np.where(sent, history.messages.first_attempt_ns[message], NEVER),
        stored_ns=stored_ns(history, message),
    )


def _misplaced(history: History, listed: Listings) -> Bools:
    """Return which messages some page has before one that precedes it, or behind one it precedes.

    Nothing is known of pages of which it is not known whether they have the oldest message first.
    """
    misplaced = np.zeros(len(history.messages), dtype=np.bool_)
    flags = history.records["spare"][listed.page]
    directed = (flags & PageFlag.OLDEST_FIRST != 0) & (flags & PageFlag.DISORDERED == 0)
    found = _entries_in_order(history, listed.of(directed))
    if not found.page.size:
        return misplaced
    known = found.sent_ns < NEVER
    # Backwards, the earliest of the negative times is the latest time.
    backwards = found.group[-1] - found.group[::-1]
    latest_ns = -earliest_from(backwards, np.where(known, -found.sent_ns, NEVER)[::-1])[::-1]
    wrong = known & (earliest_from(found.group, found.stored_ns) < found.sent_ns)
    wrong |= latest_ns > found.stored_ns
    misplaced[found.message[wrong]] = True
    return misplaced


def _spans(history: History, pages: _Pages, listed: Listings, misplaced: Bools) -> _Spans:
    """Return the spans of complete pages, and those between the entries of the other ones."""
    records = history.records
    flags = records["spare"][pages.record]
    complete = pages.is_certain & (flags & PageFlag.LAST != 0) & (records["seq"][pages.record] == 0)
    kept_ns = _kept_since_ns(history, pages.record)
    whole = _Spans(
        pages.record,
        np.full_like(pages.record, _ANYONE),
        np.maximum(pages.since_ns, kept_ns),
        ints(records["ref_ns"][pages.record]),
        np.zeros(pages.record.size, dtype=np.bool_),
    ).of(complete)
    in_disorder = distinct(listed.page[misplaced[listed.message]])
    slices = ~complete & (flags & PageFlag.DISORDERED == 0) & ~contains(in_disorder, pages.record)
    parts = listed.of(contains(pages.record[slices], listed.page))
    between = _between(_entries_in_order(history, parts))
    at = find(pages.record, between.page)
    since_ns = np.maximum(pages.since_ns, kept_ns)[at]
    between = between._replace(after_ns=np.maximum(between.after_ns, since_ns))
    spans = whole.and_of(between)
    spans = spans.of(spans.after_ns < spans.before_ns)
    return spans.of(stable_order(spans.page))


def _between(found: _Entries) -> _Spans:
    """Return the span from the first acknowledgement of each group to its last send."""
    count = int(found.group[-1]) + 1 if found.group.size else 0
    after_ns = np.full(count, NEVER, dtype=np.int64)
    before_ns = np.zeros(count, dtype=np.int64)
    np.minimum.at(after_ns, found.group, found.stored_ns)
    np.maximum.at(before_ns, found.group, np.where(found.sent_ns < NEVER, found.sent_ns, 0))
    first = np.searchsorted(found.group, np.arange(count))
    return _Spans(
        found.page[first], found.author[first], after_ns, before_ns, np.ones(count, dtype=np.bool_)
    )


def _kept_since_ns(history: History, pages: Ints) -> Ints:
    """Return since when a message must have been sent so that each page still had to contain it.

    By their number, the server need not keep those that at least so many others may follow. Behind
    a certain acknowledgement, all that is sent has fewer others.
    """
    kept_ns = np.zeros(pages.size, dtype=np.int64)
    retention, messages, records = history.traits.retention, history.messages, history.records
    if retention is None or not len(messages):
        return kept_ns
    answered_ns = ints(records["t_ns"][pages]) + history.events.clock_error_ns
    if retention.age_s is not None:
        kept_ns = answered_ns - int(retention.age_s * NS_PER_S)
    if retention.count is not None:
        if has_flag(records["flags"], Flag.FOREIGN).any():
            return np.full(pages.size, NEVER, dtype=np.int64)  # any number of these may follow
        convs, _, which = grouped(messages.conv)
        sent_ns = np.where(messages.sent, messages.first_attempt_ns, 0)
        conv = ints(records["conv"][pages])
        rows = Rows(messages.conv, np.zeros(len(messages), dtype=np.int64), sent_ns)
        began = np.full(pages.size, -1, dtype=np.int64)
        excess = count_within(rows, Rows(conv, began, answered_ns)) - retention.count
        in_order = stable_order(which, messages.acked_ns)
        first = np.searchsorted(which[in_order], find(convs, conv))
        acked_ns = messages.acked_ns[in_order][first + np.maximum(excess, 1) - 1]
        kept_ns = np.maximum(kept_ns, np.where(excess > 0, acked_ns, 0))
    return kept_ns


def _count_required(history: History, required: Ints, spans: _Spans) -> Ints:
    """Return how many of the required messages belong into each span."""
    messages = history.messages
    conv, reader = ints(history.records["conv"][spans.page]), history.user[spans.page]

    def count(owners: Ints, of_spans: Ints) -> Ints:
        both = group_numbers(
            np.concatenate([pair(messages.conv[required], owners), pair(conv, of_spans)])
        )
        sent_ns, acked_ns = messages.first_attempt_ns[required], messages.acked_ns[required]
        rows = Rows(both[: required.size], sent_ns, acked_ns)
        return count_within(rows, Rows(both[required.size :], spans.after_ns, spans.before_ns))

    of_anyone = spans.author == _ANYONE
    author = messages.author[required]
    due = np.where(of_anyone, count(np.full_like(author, _ANYONE), spans.author), 0)
    if not of_anyone.all():
        due = np.where(of_anyone, due, count(author, spans.author))
    if SELF_ECHO not in history.capabilities:
        due = due - np.where(of_anyone | (spans.author == reader), count(author, reader), 0)
    return due


def _count_listed(history: History, listed: Listings, spans: _Spans) -> Ints:
    """Return how many of the listed messages belong into each span of their page."""
    messages, counts = history.messages, np.zeros(spans.page.size, dtype=np.int64)
    author = messages.author[listed.message]
    for of_anyone in (True, False):
        chosen = np.flatnonzero((spans.author == _ANYONE) == of_anyone)
        own = np.full_like(author, _ANYONE) if of_anyone else author
        order = stable_order(spans.page[chosen], spans.author[chosen])
        chosen = chosen[order]
        size = chosen.size
        pages = np.concatenate([spans.page[chosen], listed.page])
        both = group_numbers(pair(pages, np.concatenate([spans.author[chosen], own])))
        at = find(both[:size], both[size:])
        inside = np.flatnonzero(at >= 0)
        span, message = chosen[at[inside]], listed.message[inside]
        due = _is_due(history, spans, span, message)
        np.add.at(counts, span[due], 1)
    return counts


def _is_due(history: History, spans: _Spans, span: Ints, message: Ints) -> Bools:
    """Return which messages their spans contain, by their times and the reader's own ones."""
    messages = history.messages
    due: Bools = messages.first_attempt_ns[message] > spans.after_ns[span]
    due &= messages.acked_ns[message] < spans.before_ns[span]
    if SELF_ECHO not in history.capabilities:
        due &= messages.author[message] != history.user[spans.page[span]]
    return due


def _witnesses(
    history: History, short: _Spans, required: Ints, listed: Listings
) -> Iterator[Witness]:
    """Yield what is missing in each of these spans; each costs as much as all required messages."""
    messages, records = history.messages, history.records
    for span in range(short.page.size):
        page, author = int(short.page[span]), int(short.author[span])
        own = listed.message[listed.page == page]
        candidates = required[messages.conv[required] == records["conv"][page]]
        if author != _ANYONE:
            candidates = candidates[messages.author[candidates] == author]
            own = own[messages.author[own] == author]
        at = np.full(candidates.size, span, dtype=np.int64)
        absent = candidates[_is_due(history, short, at, candidates)]
        absent = absent[~np.isin(absent, own)]
        for message in absent[stable_order(messages.first_attempt_ns[absent])].tolist():
            if short.between[span]:
                yield _between_witness(history, page, message, own)
            else:
                yield _complete_witness(history, page, message)


def _reader(history: History, page: int) -> str:
    user = int(history.user[page])
    return history.names.user(user) if user else "an administrator"


def _complete_witness(history: History, page: int, message: int) -> Witness:
    return Witness(
        f"A complete page that {_reader(history, page)} read lacks {history.title(message)}, which "
        "had been acknowledged before the page was requested.",
        (message,),
        int(history.user[page]),
        (page,),
    )


def _between_witness(history: History, page: int, message: int, own: Ints) -> Witness:
    """Return a witness with the entries of the page between which the message lies."""
    own = own[history.messages.sent[own]]
    before = int(own[np.argmin(stored_ns(history, own))])
    behind = int(own[np.argmax(history.messages.first_attempt_ns[own])])
    return Witness(
        f"A page that {_reader(history, page)} read has {history.title(before)} and "
        f"{history.title(behind)}, but lacks {history.title(message)}, which was sent after the "
        "first of these was acknowledged, and acknowledged before the second one was sent.",
        (message, before, behind),
        int(history.user[page]),
        (page,),
    )
