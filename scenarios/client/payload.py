"""Message bodies that describe themselves, so that corruption and mix-ups can be detected.

A body names its run, conversation, author and per-author sequence number, and carries a checksum:

`g2|<run>|<conv n>|<author n>|<sseq>|<intended_ns>|<crc32 hex of all other parts>|<padding>`

Every second body with a text of the run has these parts behind the text, because servers may treat
messages in a special way that begin with a slash, a brace or a space:

`<text>|g3|<run>|<conv n>|<author n>|<sseq>|<intended_ns>|<crc32 hex of all other parts>`

`run` is the tag of the run, which is empty on a system that is started for the run. It tells a
message that an earlier run left behind from one of this run, whose numbers may be the same. Bodies
of version 0.1 begin with `g1` and have no such part; they are read as bodies of an earlier run.

What a body cannot carry is compared as well: all copies of a message have the id that its sender
chose, the id that the server assigned, and one time stamp (`MessageNames`).
"""

from typing import Final, final
from zlib import crc32

from gauntlet.core.history import STRANGER_SSEQ, NamedFlag
from gauntlet.scenarios.adapters.base import Entry, Sent
from gauntlet.scenarios.workloads.message_texts import MessageTexts

MARK = "g2"
TAIL_MARK = "g3"
_OLD_MARK = "g1"
_ID_MARK = "g1"
OLD_RUN = "-"  # of bodies without a tag: no run has it
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FILLER = _LETTERS * (65_536 // len(_LETTERS) + 2)
_CACHED_BODIES = 20_000
_CACHED_LENGTH_MAX = 1_000  # longer bodies are rare, and would need most of the memory
# The characters of all bodies.
ALPHABET = frozenset(_LETTERS + "0123456789|")
# The longest head: nine separators, two characters of the mark, numbers of 32 and 63 bits.
_HEAD_BYTES_MAX = 9 + 2 + 3 * 10 + 19 + 8
# What a copy of a message has that is worth a record. The last one is not part of a NAMED record.
_OTHER_MESSAGE: Final = int(NamedFlag.OTHER_MESSAGE)
_SHOWN: Final = int(NamedFlag.SHOWN)
OTHER_STAMP: Final = 8


@final
class Payload:
    """The content of a body; `intact` is whether its checksum is correct.

    `client_msg_id`, `server_id` and `stamped_ms` are what the message was called before, empty or 0
    until then. `built` is whether this worker has sent it, and so receives its acknowledgement.
    """

    __slots__ = (
        "author", "built", "client_msg_id", "conv", "intact", "intended_ns", "run", "server_id",
        "sseq", "stamped_ms",
    )  # fmt: skip

    def __init__(
        self,
        run: str,
        conv: int,
        author: int,
        sseq: int,
        intended_ns: int,
        intact: bool,  # noqa: FBT001 - same
    ) -> None:
        self.run = run
        self.conv = conv
        self.author = author
        self.sseq = sseq
        self.intended_ns = intended_ns
        self.intact = intact
        self.built = False
        self.client_msg_id = ""
        self.server_id = ""
        self.stamped_ms = 0

    def _parts(self) -> tuple[str, int, int, int, int, bool]:
        return self.run, self.conv, self.author, self.sseq, self.intended_ns, self.intact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Payload) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"Payload{self._parts()}"


class BodyCache:
    """Builds the bodies of a run and reads bodies; recognizes recent ones without parsing them.

    A received body that equals a cached one is known by its whole text, which proves more than its
    checksum and costs a tenth of parsing it. The cache holds between `size` and twice `size` of the
    latest bodies.
    """

    def __init__(
        self, run: str = "", size: int = _CACHED_BODIES, texts: MessageTexts | None = None
    ) -> None:
        self.run = run
        self._size = size
        self._texts = texts
        self._recent: dict[str, Payload] = {}
        self._previous: dict[str, Payload] = {}

    def build(self, conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int) -> str:
        """Return a new body of `body_bytes` bytes, or with a text of the run if that is 0."""
        if body_bytes or self._texts is None:
            body = build(conv, author, sseq, intended_ns, body_bytes, self.run)
        else:
            text = self._texts.text(author, sseq)
            # Not the parity of the number of the text, so that each text occurs in both forms.
            wrap = wrap_text if (sseq >> 1 ^ author) & 1 else begin_with_text
            body = wrap(conv, author, sseq, intended_ns, text, self.run)
        content = Payload(self.run, conv, author, sseq, intended_ns, intact=True)
        content.built = True
        self._keep(body, content)
        return body

    def _keep(self, body: str, content: Payload) -> None:
        if len(body) > _CACHED_LENGTH_MAX:
            return
        if len(self._recent) >= self._size:
            self._previous, self._recent = self._recent, {}
        self._recent[body] = content

    def wrap_text(self, conv: int, author: int, sseq: int, intended_ns: int, text: str) -> str:
        """Return a body of this run that has a given text in the place of the padding."""
        return wrap_text(conv, author, sseq, intended_ns, text, self.run)

    def read(self, body: str) -> Payload | None:
        """Return the content of a body, or None if Gauntlet did not build it."""
        content = self.known(body)
        if content is None:
            content = parse(body)
            # Kept, so that the further copies of a message can be compared with the first one.
            if content is not None and content.intact and content.run == self.run:
                self._keep(body, content)
        return content

    def known(self, body: str) -> Payload | None:
        """Return the content of a body if it is a recent one that is not long."""
        return self._recent.get(body) or self._previous.get(body)

    def is_of_another_run(self, content: Payload) -> bool:
        """Return whether another run built a body, and nothing has changed it since.

        A body whose checksum fails may be one of this run with a damaged tag.
        """
        return content.intact and content.run != self.run


@final
class MessageNames:
    """Compares what the copies of a message call it.

    They are compared where the server numbers entries: elsewhere, each member may have an archive
    with ids of its own. A system that declares no unit of its time stamps may show different ones.
    """

    def __init__(
        self, tag: str, *, per_sender: bool, compared: bool, stamp_unit_s: float | None
    ) -> None:
        self._prefix = f"{_ID_MARK}.{tag}"
        self._per_sender = per_sender
        self._compared = compared
        # Milliseconds, in which stamps are given, are the finest unit; 0 if it is not known.
        self._unit_ms = 0 if stamp_unit_s is None else max(1, int(stamp_unit_s * 1000))

    def client_msg_id(self, conv: int, author: int, sseq: int) -> str:
        """Return the identity of a message: the same in every attempt, unique in the run.

        With `per_sender`, every second user counts their messages from 1 in each conversation, so
        that messages of others have the same ids. The ids of all other users differ everywhere.
        """
        if self._per_sender and author % 2 == 0:
            return f"{self._prefix}s.{sseq}"
        return f"{self._prefix}{conv}.{author}.{sseq}"

    def compare(self, body: Payload, entry: Entry) -> int:
        """Return what is worth a record of a copy, and keep the names of the first one.

        That is an id of another message, an id of the server that is not the known one or that
        only this copy proves (SHOWN), and another time stamp.
        """
        if not self._compared or body.sseq >= STRANGER_SSEQ:
            return 0
        found = 0
        if entry.client_msg_id:
            if not body.client_msg_id:
                body.client_msg_id = self.client_msg_id(body.conv, body.author, body.sseq)
            if entry.client_msg_id != body.client_msg_id:
                found = _OTHER_MESSAGE | _SHOWN
        if entry.id and entry.id != body.server_id:
            if body.server_id or not body.built:
                found |= _SHOWN
            if not body.server_id:
                body.server_id = entry.id
        if entry.stamped_ms and self._stamp_differs(body, entry.stamped_ms):
            found |= OTHER_STAMP
        return found

    def acknowledge(self, body: Payload, sent: Sent) -> tuple[str, bool]:
        """Note what an acknowledgement calls a message.

        Return the id by which a copy has named it before, if that was another one, and whether the
        time stamp was another one.
        """
        shown = body.server_id if self._compared and sent.id else ""
        if sent.id:
            body.server_id = sent.id
        differs = self._compared and sent.stamped_ms != 0
        return shown if shown != sent.id else "", differs and self._stamp_differs(
            body, sent.stamped_ms
        )

    def _stamp_differs(self, body: Payload, stamped_ms: int) -> bool:
        if not body.stamped_ms:
            body.stamped_ms = stamped_ms
        return self._unit_ms != 0 and abs(stamped_ms - body.stamped_ms) >= self._unit_ms


def text_bytes_max(body_bytes_max: int, run: str) -> int:
    """Return how long a text can be in a body of at most `body_bytes_max` bytes."""
    return max(0, body_bytes_max - len(run) - _HEAD_BYTES_MAX)


def build(
    conv: int, author: int, sseq: int, intended_ns: int, body_bytes: int, run: str = ""
) -> str:
    """Return a body of `body_bytes` ASCII bytes, or more if its other parts alone need more."""
    head = _head(conv, author, sseq, intended_ns, run)
    padding_bytes = max(0, body_bytes - len(head) - 10)  # 10: eight hex digits and two bars
    # Padding differs from message to message, so that mixed-up buffers break the checksum.
    start = sseq % len(_LETTERS)
    padding = _FILLER[start : start + padding_bytes]
    return f"{head}|{_crc(head, padding)}|{padding}"


def wrap_text(conv: int, author: int, sseq: int, intended_ns: int, text: str, run: str = "") -> str:
    """Return a body that has a given text in the place of the padding."""
    head = _head(conv, author, sseq, intended_ns, run)
    return f"{head}|{_crc(head, text)}|{text}"


def begin_with_text(
    conv: int, author: int, sseq: int, intended_ns: int, text: str, run: str = ""
) -> str:
    """Return a body that begins with a given text."""
    tail = _head(conv, author, sseq, intended_ns, run, TAIL_MARK)
    return f"{text}|{tail}|{_crc(tail, text)}"


def unwrap_text(body: str) -> str:
    """Return the text in a body, or the whole body if Gauntlet did not build it."""
    parts = _parts(body)
    return body if parts is None else parts[7]


def parse(body: str) -> Payload | None:
    """Return the content of a body, or None if Gauntlet did not build it."""
    parts = _parts(body)
    if parts is None:
        return None
    try:
        conv, author, sseq, intended_ns = [int(part) for part in parts[2:6]]
    except ValueError:
        return None
    if min(conv, author, sseq, intended_ns) < 0:
        return None
    if max(conv, author, sseq) >= 1 << 32 or intended_ns >= 1 << 63:
        return None  # a history record could not hold these numbers
    head = "|".join(parts[:6] if parts[0] != _OLD_MARK else (_OLD_MARK, *parts[2:6]))
    intact = _crc(head, parts[7]) == parts[6]
    return Payload(parts[1], conv, author, sseq, intended_ns, intact)


def _head(conv: int, author: int, sseq: int, intended_ns: int, run: str, mark: str = MARK) -> str:
    return f"{mark}|{run}|{conv}|{author}|{sseq}|{intended_ns}"


def _parts(body: str) -> list[str] | None:
    """Return the eight parts of a body; bodies without a tag get that of no run."""
    parts = body.split("|", 7)
    if len(parts) == 8 and parts[0] == MARK:
        return parts
    text, *tail = body.rsplit("|", 7)
    if len(tail) == 7 and tail[0] == TAIL_MARK:
        return [*tail, text]
    old = body.split("|", 6)
    if len(old) == 7 and old[0] == _OLD_MARK:
        return [_OLD_MARK, OLD_RUN, *old[1:]]
    return None


def _crc(head: str, padding: str) -> str:
    text = f"{head}|{padding}"
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # a server may send half of a surrogate pair, which has no UTF-8
        encoded = text.encode(errors="surrogatepass")
    return f"{crc32(encoded):08x}"
