"""Message bodies that describe themselves, so that corruption and mix-ups can be detected.

A body names its conversation, author and per-author sequence number, and carries a checksum:

`g1|<conv n>|<author n>|<sseq>|<intended_ns>|<crc32 hex of all other parts>|<padding>`
"""

import zlib

import msgspec

MARK = "g1"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FILLER = _LETTERS * (65_536 // len(_LETTERS) + 2)
_CACHED_BODIES = 20_000
# The characters of all bodies.
ALPHABET = frozenset(_LETTERS + "0123456789|")


class Payload(msgspec.Struct, frozen=True):
    """The content of a body; `intact` is whether its checksum is correct."""

    conv: int
    author: int
    sseq: int
    intended_ns: int
    intact: bool


class BodyCache:
    """Builds bodies and reads them; recognizes recent bodies without parsing them.

    A received body that equals a cached one is known by its whole text, which proves more than its
    checksum and costs a tenth of parsing it. The cache holds between `size` and twice `size` of the
    latest bodies.
    """

    def __init__(self, size: int = _CACHED_BODIES) -> None:
        self._size = size
        self._recent: dict[str, Payload] = {}
        self._previous: dict[str, Payload] = {}

    def build(self, conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int) -> str:
        """Return a new body, as the function `build` does, and cache it."""
        body = build(conv, author, sseq, intended_ns, body_bytes)
        if len(self._recent) >= self._size:
            self._previous, self._recent = self._recent, {}
        self._recent[body] = Payload(conv, author, sseq, intended_ns, intact=True)
        return body

    def read(self, body: str) -> Payload | None:
        """Return the content of a body, or None if Gauntlet did not build it."""
        return self._recent.get(body) or self._previous.get(body) or parse(body)


def build(conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int) -> str:
    """Return a body of `body_bytes` ASCII bytes, or more if its other parts alone need more."""
    head = f"{MARK}|{conv}|{author}|{sseq}|{intended_ns}"
    padding_bytes = max(0, body_bytes - len(head) - 10)  # 10: eight hex digits and two bars
    # Padding differs from message to message, so that mixed-up buffers break the checksum.
    start = sseq % len(_LETTERS)
    padding = _FILLER[start : start + padding_bytes]
    return f"{head}|{_crc(head, padding)}|{padding}"


def wrap_text(conv: int, author: int, sseq: int, intended_ns: int, text: str) -> str:
    """Return a body that has a given text in the place of the padding."""
    head = f"{MARK}|{conv}|{author}|{sseq}|{intended_ns}"
    return f"{head}|{_crc(head, text)}|{text}"


def unwrap_text(body: str) -> str:
    """Return the text in a body, or the whole body if Gauntlet did not build it."""
    parts = body.split("|", 6)
    return parts[6] if len(parts) == 7 and parts[0] == MARK else body


def parse(body: str) -> Payload | None:
    """Return the content of a body, or None if Gauntlet did not build it."""
    parts = body.split("|", 6)
    if len(parts) != 7 or parts[0] != MARK:
        return None
    try:
        conv, author, sseq, intended_ns = (int(part) for part in parts[1:5])
    except ValueError:
        return None
    if min(conv, author, sseq, intended_ns) < 0 or max(conv, author, sseq) >= 1 << 32:
        return None  # a history record could not hold these numbers
    intact = _crc("|".join(parts[:5]), parts[6]) == parts[5]
    return Payload(conv, author, sseq, intended_ns, intact)


def _crc(head: str, padding: str) -> str:
    return f"{zlib.crc32(f'{head}|{padding}'.encode()):08x}"
