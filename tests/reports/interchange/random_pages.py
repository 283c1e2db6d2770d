"""Random correct histories of a system without positions, of which users read random pages."""

from random import Random
from typing import NamedTuple

from .lines import Rows

END_S = 40.0


class Sent(NamedTuple):
    """A message: when it was sent, acknowledged (None: unknown), and stored (None: never)."""

    name: str
    author: str
    sent_s: float
    acked_s: float | None
    stored_s: float | None


class Page(NamedTuple):
    """What a user read, from the oldest to the newest message."""

    reader: str
    requested_s: float
    complete: bool
    messages: tuple[Sent, ...]


class RandomPages:
    """A system that stores each message at a moment between its send and its acknowledgement."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._users = [f"u{at}" for at in range(random.randint(2, 5))]
        self._joined_s = {"late": random.uniform(6, 12)} if random.random() < 0.6 else {}
        self._sees_what_was_before = random.random() < 0.5
        self._newest_first = random.random() < 0.5
        self._echo = random.random() < 0.7
        self._slow = random.choice([0.2, 2.0, 4.5])
        self._sent = [self._send(at) for at in range(random.randint(6, 24))]
        readers = [*self._users, *self._joined_s]
        self._pages = [self._read(random.choice(readers)) for _ in range(random.randint(4, 16))]
        self._pages += [self._read(reader, complete_at_s=END_S) for reader in readers]

    def _send(self, at: int) -> Sent:
        author = self._random.choice(self._users)
        sent_s = round(1 + at + self._random.random(), 3)
        done_s = round(sent_s + self._random.uniform(0.05, self._slow), 3)
        stored_s = self._random.uniform(sent_s, done_s)
        ends = self._random.random()
        if ends < 0.8:
            return Sent(f"m{at}", author, sent_s, done_s, stored_s)
        return Sent(f"m{at}", author, sent_s, None, stored_s if ends < 0.9 else None)

    def _read(self, reader: str, complete_at_s: float | None = None) -> Page:
        joined_s = self._joined_s.get(reader, 0.0)
        requested_s = complete_at_s or round(self._random.uniform(joined_s + 1.5, END_S), 3)
        answered_s = requested_s + self._random.choice([0, 0.2])
        stored = sorted(
            (each.stored_s, each)
            for each in self._sent
            if each.stored_s is not None
            if each.stored_s <= answered_s
        )
        visible = [
            each
            for at_s, each in stored
            if at_s > joined_s or self._sees_what_was_before
            if self._echo or each.author != reader
        ]
        if complete_at_s or self._random.random() < 0.3:
            return Page(reader, requested_s, True, tuple(visible))
        first = self._random.randint(0, len(visible))
        size = self._random.choice([1, 2, 3, 5, 10])
        return Page(reader, requested_s, False, tuple(visible[first : first + size]))

    def rows(self, without: tuple[int, Sent] | None = None) -> Rows:
        """Return the lines, without one message of a page if that is given."""
        header = {"capabilities": ["self_echo"]} if self._echo else {}
        rows: Rows = [{"kind": "header", **header}]
        place = {"conversation": "team"}
        rows += [{"kind": "member", "user": user, **place} for user in self._users]
        rows += [
            {"kind": "member", "user": user, "time": time, **place}
            for user, time in self._joined_s.items()
        ]
        for each in self._sent:
            answer = {} if each.acked_s is None else {"completed": each.acked_s}
            known = {"user": each.author, "message": each.name, **place}
            rows.append({"kind": "send", "time": each.sent_s, **known, **answer})
        for at, page in enumerate(self._pages):
            names = [each.name for each in page.messages if (at, each) != without]
            rows.append(
                {
                    "kind": "read",
                    "time": page.requested_s + 0.3,
                    "user": page.reader,
                    "requested": page.requested_s,
                    "complete": page.complete,
                    "messages": names[::-1] if self._newest_first else names,
                    **place,
                }
            )
        return rows

    def owed(self) -> list[tuple[int, Sent]]:
        """Return what pages certainly had to contain, in a random order."""
        found = [
            (at, each)
            for at, page in enumerate(self._pages)
            for each in page.messages
            if each.acked_s is not None and each.author != page.reader
            if each.sent_s > self._joined_s.get(page.reader, 0.0) + 1.1
            if (page.complete and each.acked_s < page.requested_s) or _is_inside(each, page)
        ]
        self._random.shuffle(found)
        return found


def _is_inside(message: Sent, page: Page) -> bool:
    """Return whether a message certainly lies between two others of a page."""
    assert message.acked_s is not None
    before = any(each.acked_s and each.acked_s < message.sent_s for each in page.messages)
    return before and any(each.sent_s > message.acked_s for each in page.messages)
