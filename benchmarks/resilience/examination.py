"""Compares what clients saw with what the store holds. Pure; it shares no code with the judge."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.resilience.observations import Connection, Device, Entry, Observations, Sent

# What is promised of every acknowledged message; each violation has one of these names.
LOST = "lost"
DUPLICATED = "duplicated"
REORDERED = "reordered"
STRANGERS = "shown to strangers"
INVENTED = "invented"
UNDELIVERED = "undelivered"
PROMISES = (LOST, DUPLICATED, REORDERED, STRANGERS, INVENTED, UNDELIVERED)


class Violation(NamedTuple):
    """A broken promise, and a sentence about it."""

    promise: str
    text: str


def violations(seen: Observations) -> list[Violation]:
    """Return every broken promise."""
    return list(_violations(seen))


def _violations(seen: Observations) -> Iterator[Violation]:
    for store in seen.stores:
        yield from _of_store(seen, store)
        yield from _of_order(seen, store)
    for conv, stranger in seen.open_to:
        yield Violation(STRANGERS, f"{stranger} can read {conv}")
    for device in seen.devices:
        for connection in device.connections:
            yield from _of_connection(connection)
        if seen.stores:
            yield from _of_device(seen, device)


def _of_store(seen: Observations, store: dict[str, list[Entry]]) -> Iterator[Violation]:
    """Every acknowledged message is stored once, where its answer said; nothing else is."""
    sent = {(each.sender, each.message): each for each in seen.sent}
    stored = {
        (each.sender, each.message): each
        for entries in store.values()
        for each in entries
        if each.message
    }
    for each in seen.sent:
        found = stored.get((each.sender, each.message))
        if each.acked_s is None:
            if each.refused and not each.unsure and found is not None:
                yield Violation(INVENTED, f"{each.message} was refused, and is stored")
        elif found is None:
            yield Violation(LOST, f"{each.message} of {each.sender} is not in {each.conv}")
        elif (found.conv, found.seq) != (each.conv, each.seq):
            yield Violation(LOST, f"{each.message} was acknowledged at another position")
    for key, entry in stored.items():
        original = sent.get(key)
        if original is None:
            yield Violation(INVENTED, f"{entry.message} of {entry.sender} was never sent")
        elif (entry.conv, entry.body) != (original.conv, original.body):
            yield Violation(INVENTED, f"{entry.message} is stored with another content")
    for conv, entries in store.items():
        yield from _of_positions(conv, entries)


def _of_positions(conv: str, entries: list[Entry]) -> Iterator[Violation]:
    """Positions are dense and in ascending order, and no message is stored twice."""
    ids = Counter((entry.sender, entry.message) for entry in entries if entry.message)
    for (sender, message), count in ids.items():
        if count > 1:
            yield Violation(DUPLICATED, f"{message} of {sender} is stored {count} times in {conv}")
    positions = [entry.seq for entry in entries]
    for seq, count in Counter(positions).items():
        if count > 1:
            yield Violation(DUPLICATED, f"position {seq} of {conv} is used {count} times")
    missing = set(range(1, max(positions, default=0) + 1)) - set(positions)
    if missing:
        yield Violation(LOST, f"{conv} has no position {min(missing)}")
    if positions != sorted(positions):
        yield Violation(REORDERED, f"the history of {conv} is not in the order of its positions")


def _of_order(seen: Observations, store: dict[str, list[Entry]]) -> Iterator[Violation]:
    """A message that is sent after another one was acknowledged has the later position."""
    positions = {
        (entry.sender, entry.message): entry.seq
        for entries in store.values()
        for entry in entries
        if entry.message
    }
    by_conversation: dict[str, list[Sent]] = defaultdict(list)
    for each in seen.sent:
        by_conversation[each.conv].append(each)
    for conv, messages in by_conversation.items():
        acked = sorted(
            (each.acked_s, each.seq)
            for each in messages
            if each.acked_s is not None and each.seq is not None
        )
        highest, at = 0, 0
        for each in sorted(messages, key=lambda sent: sent.sent_s):
            while at < len(acked) and acked[at][0] < each.sent_s:
                highest = max(highest, acked[at][1])
                at += 1
            found = positions.get((each.sender, each.message))
            if found is not None and found < highest:
                text = f"{each.message} is at {found} of {conv}, but follows {highest}"
                yield Violation(REORDERED, text)


def _of_connection(connection: Connection) -> Iterator[Violation]:
    """On a connection, positions ascend by one, unless a gap was announced."""
    reached = dict(connection.heads)
    for frame in connection.frames:
        if not isinstance(frame, Entry):
            conv, last = frame
            reached[conv] = max(reached.get(conv, 0), last)
            continue
        where = f"{connection.user} was pushed {frame.seq} of {frame.conv}"
        before = reached.get(frame.conv)
        reached[frame.conv] = max(before or 0, frame.seq)
        if before is None:
            # A room begins where the user was added, and a direct conversation at its start.
            if frame.seq != 1 and frame.message:
                yield Violation(REORDERED, f"{where} first, without a gap")
        elif frame.seq <= before:
            yield Violation(DUPLICATED, f"{where} after {before}")
        elif frame.seq > before + 1:
            yield Violation(REORDERED, f"{where} after {before}, without a gap")


def _of_device(seen: Observations, device: Device) -> Iterator[Violation]:
    """A device has every stored entry of its conversations, as it is stored, and no other one."""
    stored = {
        conv: {entry.seq: entry for entry in entries} for conv, entries in seen.stores[0].items()
    }
    received = device.entries()
    who = f"{device.user}/{device.name}"
    for conv, entries in received.items():
        if device.user not in seen.members.get(conv, ()):
            yield Violation(STRANGERS, f"{who} received {len(entries)} entries of {conv}")
            continue
        for seq, entry in entries.items():
            if entry != stored.get(conv, {}).get(seq):
                yield Violation(INVENTED, f"{who} received another entry at {seq} of {conv}")
    for conv, members in seen.members.items():
        if device.user not in members:
            continue
        mine = received.get(conv, {})
        messages = (seq for seq, entry in stored.get(conv, {}).items() if entry.message)
        missing = [seq for seq in messages if seq not in mine]
        if missing:
            text = f"{who} did not receive {len(missing)} messages of {conv}"
            yield Violation(UNDELIVERED, text)
