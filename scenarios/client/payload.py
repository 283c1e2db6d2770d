"""Message bodies that tell what they are, so that corruption, phantoms and mix-ups are seen.

`g1|<conv n>|<author n>|<sseq>|<intended_ns>|<crc32 hex of all other parts>|<padding>`
"""

import zlib

import msgspec

MARK = "g1"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FILLER = _LETTERS * (65_536 // len(_LETTERS) + 2)
_REMEMBERED = 20_000


class Payload(msgspec.Struct, frozen=True):
    """What a body says of itself; `intact` is whether its checksum holds."""

    conv: int
    author: int
    sseq: int
    intended_ns: int
    intact: bool


class BodyCache:
    """Builds bodies and reads them.

    What comes back as it was built is known by the whole of it, which proves more than its checksum
    and costs a tenth of parsing it. Only the latest are remembered: between one and two times
    `remembered` bodies.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._young: dict[str, Payload] = {}
        self._old: dict[str, Payload] = {}

    def build(self, conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int) -> str:
        """A new body, as `build` makes it."""
        body = build(conv, author, sseq, intended_ns, body_bytes)
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
        self._young[body] = Payload(conv, author, sseq, intended_ns, intact=True)
        return body

    def read(self, body: str) -> Payload | None:
        """What a body says, or None if it is not one of ours."""
        return self._young.get(body) or self._old.get(body) or parse(body)


def build(conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int) -> str:
    """A body of `body_bytes` ASCII bytes (more where its parts alone need more)."""
    head = f"{MARK}|{conv}|{author}|{sseq}|{intended_ns}"
    room = max(0, body_bytes - len(head) - 10)  # 10: eight hex digits and two bars
    # Padding differs from message to message, so that mixed-up buffers break the checksum.
    start = sseq % len(_LETTERS)
    padding = _FILLER[start : start + room]
    return f"{head}|{_crc(head, padding)}|{padding}"


def carry(conv: int, author: int, sseq: int, intended_ns: int, text: str) -> str:
    """A body that carries somebody's own text where `build` has its padding."""
    head = f"{MARK}|{conv}|{author}|{sseq}|{intended_ns}"
    return f"{head}|{_crc(head, text)}|{text}"


def text(body: str) -> str:
    """What a body carries; the whole of one that is not ours."""
    parts = body.split("|", 6)
    return parts[6] if len(parts) == 7 and parts[0] == MARK else body


def parse(body: str) -> Payload | None:
    """What a body says, or None if it is not one of ours."""
    parts = body.split("|", 6)
    if len(parts) != 7 or parts[0] != MARK:
        return None
    try:
        conv, author, sseq, intended_ns = (int(part) for part in parts[1:5])
    except ValueError:
        return None
    if min(conv, author, sseq, intended_ns) < 0 or max(conv, author, sseq) >= 1 << 32:
        return None
    intact = _crc("|".join(parts[:5]), parts[6]) == parts[5]
    return Payload(conv, author, sseq, intended_ns, intact)


def _crc(head: str, padding: str) -> str:
    return f"{zlib.crc32(f'{head}|{padding}'.encode()):08x}"
