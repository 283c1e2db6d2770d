"""Probes of what the server keeps: history, paging, heads."""

from collections.abc import AsyncIterator

from gauntlet.core.scenario.capabilities import HEADS, HISTORY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Cursor, Entry, Page, ProtocolError
from gauntlet.scenarios.adapters.limits import check_page
from gauntlet.scenarios.conformance.bench import CONNECT_TIMEOUT_S, Attempt, Client, until
from gauntlet.scenarios.conformance.findings import Finding, Outcome
from gauntlet.scenarios.workloads.entities import Conversation

_LIMIT = 100
_SMALL_LIMIT = 2
_PAGES_MAX = 100
_HEADS_TIMEOUT_S = 4.0


async def read_all(
    reader: Client, conv: Conversation, after: Cursor | None = None, limit: int = _LIMIT
) -> tuple[list[Entry] | None, str]:
    """Return the history after an entry; None with the reason if it cannot be read whole."""
    numbered = SERVER_SEQ in reader.bench.capabilities
    if after is None:
        after = 0 if numbered else ""
    entries: list[Entry] = []
    for _ in range(_PAGES_MAX):
        page, why = await _page(reader, conv, after, limit)
        if page is None:
            return None, why
        entries += page.entries
        if not page.continues(limit):
            return entries, ""
        last = page.entries[-1]
        if (cursor := last.seq if numbered else last.id) == after:
            return None, f"a page does not continue after {after!r}, but begins there again"
        after = cursor
    return None, f"the history did not end within {_PAGES_MAX} pages"


async def _page(
    reader: Client, conv: Conversation, after: Cursor, limit: int
) -> tuple[Page | None, str]:
    bench = reader.bench
    bench.last_error = ""
    try:
        call = reader.channel.codec.history(conv.name, after, limit)
    except NotImplementedError:
        return None, "the codec does not implement `history`"
    except Exception as error:  # noqa: BLE001 - the adapter may raise anything
        reader.channel.record_error(error)
        return None, bench.last_error
    page = await reader.call(call)
    if page is None:
        return None, bench.last_error or "there was no answer"
    try:
        check_page(page)
    except ProtocolError as error:
        return None, str(error)
    return page, ""


async def probe_history(
    reader: Client, conv: Conversation, sent: list[Attempt]
) -> AsyncIterator[Finding]:
    """Yield whether the history contains what was sent, in one page and in small ones."""
    entries, why = await read_all(reader, conv)
    if entries is None:
        yield Finding(HISTORY, Outcome.FAILS, f"The history cannot be read: {why}.")
        return
    stored = [attempt for attempt in sent if attempt.sent and attempt.sent.stored == "yes"]
    if not stored:
        yield Finding(HISTORY, Outcome.UNKNOWN, "No acknowledged message could be looked for.")
        return
    fault = _fault(entries, stored) or _disagreement(reader, entries, stored)
    if fault:
        yield Finding(HISTORY, Outcome.FAILS, fault)
        return
    first = next(at for at, entry in enumerate(entries) if entry.body == stored[0].body)
    numbered = SERVER_SEQ in reader.bench.capabilities
    before: Cursor | None = None
    if first:
        before = entries[first - 1].seq if numbered else entries[first - 1].id
    paged, why = await read_all(reader, conv, before, _SMALL_LIMIT)
    if paged is None:
        text = f"The history cannot be read in pages of {_SMALL_LIMIT}: {why}."
        yield Finding(HISTORY, Outcome.FAILS, text)
    elif fault := _fault(paged, stored):
        text = f"In pages of {_SMALL_LIMIT}: {fault}"
        yield Finding(HISTORY, Outcome.FAILS, text)
    else:
        text = f"It contains {len(stored)} of {len(stored)} acknowledged messages once, also in "
        yield Finding(HISTORY, Outcome.HOLDS, f"{text}pages of {_SMALL_LIMIT}.")


def _fault(entries: list[Entry], stored: list[Attempt]) -> str:
    """Return a sentence if messages are missing, repeated, or out of order; else nothing."""
    bodies = [entry.body for entry in entries]
    counts = [bodies.count(attempt.body) for attempt in stored]
    if missing := counts.count(0):
        return f"{missing} of {len(stored)} acknowledged messages are missing from the history."
    if max(counts) > 1:
        return f"The history contains a message {max(counts)} times."
    places = [bodies.index(attempt.body) for attempt in stored]
    if places != sorted(places):
        return "The history is not in the order in which the messages were sent."
    return ""


def _disagreement(reader: Client, entries: list[Entry], stored: list[Attempt]) -> str:
    """Return a sentence if the history identifies an entry otherwise than its push did."""
    by_body = {entry.body: entry for entry in entries}
    for attempt in stored:
        entry = by_body[attempt.body]
        for push in reader.pushes(attempt.body):
            pushed = (push.entry.seq, push.entry.id) if not push.entry.seq else push.entry.seq
            read = (entry.seq, entry.id) if not push.entry.seq else entry.seq
            if pushed != read:
                return f"An entry is {pushed!r} as it is pushed, and {read!r} in the history."
    return ""


async def probe_heads(client: Client, conv: Conversation, last: int) -> AsyncIterator[Finding]:
    """Yield whether a new connection learns the last position of a conversation."""
    client.session.stop()
    client.observer.heads.clear()
    client.session.start()
    if not await until(lambda: client.session.connected, CONNECT_TIMEOUT_S):
        yield Finding(HEADS, Outcome.UNKNOWN, "The user could not connect again.")
        return
    await until(lambda: conv.name in client.observer.heads, _HEADS_TIMEOUT_S)
    head = client.observer.heads.get(conv.name)
    if head is None:
        yield Finding(HEADS, Outcome.FAILS, "The server does not report the last position.")
    elif last and head < last:
        text = f"The last position is {last}, and the server reports {head}."
        yield Finding(HEADS, Outcome.FAILS, text)
    else:
        yield Finding(HEADS, Outcome.HOLDS, f"The server reports the last position, {head}.")
