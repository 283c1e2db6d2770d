"""The pure core of one client connection: what may be said on it, and when it is dead. No I/O.

It keeps the promise on the wire: the pushes of one conversation have strictly increasing `seq`,
and a jump is announced by `gap`.
"""

from enum import Enum, auto

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Close, WireError

# What a client may say: this many frames in a burst and then a second; each KiB counts as one more.
FRAMES_BURST = 1_000
FRAMES_PER_S = 100


class Phase(Enum):
    """The life of a connection."""

    AWAITING_CONNECT = auto()
    JOINING = auto()  # `connect` was read; its token and heads are being looked at
    LIVE = auto()


class Connection:
    """One connection; `now_s` is a clock of the caller's, in seconds, that never goes back."""

    __slots__ = (
        "_changed", "_heard_s", "_next", "_ping_due_s", "_ping_ms", "_pong_ms", "_to_spare",
        "name", "phase",
    )  # fmt: skip

    def __init__(self, name: str, *, ping_ms: int, pong_ms: int, now_s: float) -> None:
        self.name = name
        self.phase = Phase.AWAITING_CONNECT
        self._ping_ms = ping_ms
        self._pong_ms = pong_ms
        self._heard_s = now_s
        self._to_spare = float(FRAMES_BURST)
        self._ping_due_s = now_s + ping_ms / 1000
        self._next: dict[str, int] = {}  # conversation -> the least seq that may be pushed
        self._changed: set[str] = set()  # conversations pushed since heads were last told

    def receive(self, data: bytes | str, now_s: float) -> wire.ClientFrame:
        """A frame in its place; WireError, with a close code, if it is none or one too many."""
        self._to_spare += FRAMES_PER_S * (now_s - self._heard_s)
        self._to_spare = min(FRAMES_BURST, self._to_spare) - 1 - len(data) // 1024
        self._heard_s = now_s
        if self._to_spare < 0:
            raise WireError("too many frames", Close.FLOOD)
        if isinstance(data, bytes):
            raise WireError("frames are text, not binary")
        frame = wire.decode_client(data)
        if (frame.connect is None) == (self.phase is Phase.AWAITING_CONNECT):
            raise WireError("connect must be the first frame, and only the first")
        if frame.connect is not None:
            self.phase = Phase.JOINING
        return frame

    def connected(self, heads: dict[str, int]) -> bytes:
        """The frame that ends the handshake; each conversation's pushes start after its head."""
        self.phase = Phase.LIVE
        for conv, head in heads.items():
            self.begin(conv, head + 1)
        return wire.encode(
            wire.ServerFrame(
                connected=wire.Connected(self.name, self._ping_ms, self._pong_ms, heads)
            )
        )

    @property
    def conversations(self) -> list[str]:
        """Every conversation that has begun on this connection."""
        return list(self._next)

    def begin(self, conv: str, seq: int) -> None:
        """Let a conversation's pushes start at `seq` without a gap, if they have not begun."""
        self._next.setdefault(conv, seq)

    def advance(self, conv: str, seq: int) -> bytes | None:
        """What to write before the push of `seq`: nothing, or a gap. None: do not push it."""
        gap = b"" if self._next.get(conv) == seq else self.skip_to(conv, seq)
        if self._next[conv] > seq:
            return None
        self._next[conv] = seq + 1
        self._changed.add(conv)
        return gap

    def skip_to(self, conv: str, seq: int) -> bytes:
        """The gap that announces that nothing before `seq` will be pushed; empty if none is."""
        first = self._next.setdefault(conv, 1)
        if first >= seq:
            return b""
        self._next[conv] = seq
        self._changed.add(conv)
        return wire.encode(wire.ServerFrame(gap=wire.Gap(conv, first, seq - 1)))

    def ping(self, now_s: float) -> bytes | None:
        """The server's ping if one is due; the next is due a whole `ping_ms` later."""
        if now_s < self._ping_due_s:
            return None
        self._ping_due_s = now_s + self._ping_ms / 1000
        return wire.encode(wire.ServerFrame(ping=self._heads()))

    def pong(self) -> bytes:
        """The answer to a client's ping."""
        return wire.encode(wire.ServerFrame(pong=self._heads()))

    def is_dead(self, now_s: float) -> bool:
        """Whether the client has been silent for longer than both sides agreed on."""
        return now_s - self._heard_s > (self._ping_ms + self._pong_ms) / 1000

    def _heads(self) -> wire.Heads:
        heads = {conv: self._next[conv] - 1 for conv in self._changed}
        self._changed.clear()
        return wire.Heads(heads)


def refusal(error: WireError) -> bytes:
    """The `error` frame that precedes a close."""
    code = _REFUSALS.get(error.code, "bad_request")
    return wire.encode(wire.ServerFrame(error=wire.Failure(code, str(error))))


_REFUSALS = {
    **dict.fromkeys((Close.OVERLOAD, Close.FLOOD), "rate_limited"),
    Close.UNAUTHORIZED: "unauthorized",
}
