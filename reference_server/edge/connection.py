"""The protocol state of one client connection: valid frames, pushes, liveness. No I/O.

It keeps the guarantee on the wire: the pushes of one conversation have strictly increasing `seq`,
and a jump is announced by `gap`.
"""

from enum import Enum, auto

from gauntlet.reference_server.core import clock, tokens, wire
from gauntlet.reference_server.core.wire import HEADS_MAX, Close, WireError

# A client's rate limit: a burst of frames, then a rate. Each KiB of a frame counts as one more.
FRAMES_BURST = 1_000
FRAMES_PER_S = 100


class Phase(Enum):
    """The phases of a connection."""

    AWAITING_CONNECT = auto()
    JOINING = auto()  # `connect` was read; its token is being verified and the heads are being read
    LIVE = auto()


class Connection:
    """One connection; `now_s` is the caller's monotonic clock in seconds."""

    __slots__ = (
        "_changed", "_frame_credit", "_next_seq", "_ping_due_s", "_ping_ms", "_pong_ms",
        "_received_s", "name", "phase",
    )  # fmt: skip

    def __init__(self, name: str, *, ping_ms: int, pong_ms: int, now_s: float) -> None:
        self.name = name
        self.phase = Phase.AWAITING_CONNECT
        self._ping_ms = ping_ms
        self._pong_ms = pong_ms
        self._received_s = now_s
        self._frame_credit = float(FRAMES_BURST)
        self._ping_due_s = now_s + ping_ms / 1000
        self._next_seq: dict[str, int] = {}  # conversation -> the lowest seq that may be pushed
        self._changed: set[str] = set()  # conversations pushed or skipped since the last heads

    def receive(self, data: bytes | str, now_s: float) -> wire.ClientFrame:
        """Return the decoded frame.

        WireError, with a close code, if it is not a frame, comes in the wrong phase, or exceeds the
        rate limit.
        """
        self._frame_credit += FRAMES_PER_S * (now_s - self._received_s)
        self._frame_credit = min(FRAMES_BURST, self._frame_credit) - 1 - len(data) // 1024
        self._received_s = now_s
        if self._frame_credit < 0:
            raise WireError("too many frames", Close.FLOOD)
        if isinstance(data, bytes):
            raise WireError("frames are text, not binary")
        frame = wire.decode_client(data)
        if (frame.connect is None) == (self.phase is Phase.AWAITING_CONNECT):
            raise WireError("connect must be the first frame, and only the first")
        if frame.connect is not None:
            self.phase = Phase.JOINING
        return frame

    def connected(self, heads: dict[str, int]) -> list[bytes]:
        """Return the frames that end the handshake; pushes start after each conversation's head.

        The last one is `connected`. It has the heads that the frames before it do not have, so that
        no frame grows with the number of conversations, which others influence.
        """
        self.phase = Phase.LIVE
        for conv, head in heads.items():
            self.begin(conv, head + 1)
        stated = list(heads.items())
        pages = [stated[start : start + HEADS_MAX] for start in range(0, len(stated), HEADS_MAX)]
        last = dict(pages.pop()) if pages else {}
        end = wire.Connected(self.name, self._ping_ms, self._pong_ms, last)
        frames = [wire.ServerFrame(heads=wire.Heads(dict(page))) for page in pages]
        return [wire.encode(frame) for frame in (*frames, wire.ServerFrame(connected=end))]

    @property
    def conversations(self) -> list[str]:
        """Every conversation whose pushes have started on this connection."""
        return list(self._next_seq)

    def begin(self, conv: str, seq: int) -> None:
        """Let a conversation's pushes start at `seq` without a gap, unless they have started."""
        self._next_seq.setdefault(conv, seq)

    def advance(self, conv: str, seq: int) -> bytes | None:
        """Return what to write before the push of `seq`: a gap frame, or b"".

        None means that `seq` must not be pushed: it was pushed or skipped already.
        """
        gap = b"" if self._next_seq.get(conv) == seq else self.skip_to(conv, seq)
        if self._next_seq[conv] > seq:
            return None
        self._next_seq[conv] = seq + 1
        self._changed.add(conv)
        return gap

    def skip_to(self, conv: str, seq: int) -> bytes:
        """Return the gap frame stating that nothing before `seq` will be pushed; b"" if no gap."""
        first = self._next_seq.setdefault(conv, 1)
        if first >= seq:
            return b""
        self._next_seq[conv] = seq
        self._changed.add(conv)
        return wire.encode(wire.ServerFrame(gap=wire.Gap(conv, first, seq - 1)))

    def ping(self, now_s: float) -> bytes | None:
        """Return the server's ping if one is due; the next is due a whole `ping_ms` later."""
        if now_s < self._ping_due_s:
            return None
        self._ping_due_s = now_s + self._ping_ms / 1000
        return wire.encode(wire.ServerFrame(ping=self._heads()))

    def pong(self) -> bytes:
        """Return the answer to a client's ping."""
        return wire.encode(wire.ServerFrame(pong=self._heads()))

    def is_dead(self, now_s: float) -> bool:
        """Whether the client has been silent for longer than `ping_ms` plus `pong_ms`."""
        return now_s - self._received_s > (self._ping_ms + self._pong_ms) / 1000

    def _heads(self) -> wire.Heads:
        count = min(len(self._changed), HEADS_MAX)
        stated = [self._changed.pop() for _ in range(count)]
        return wire.Heads({conv: self._next_seq[conv] - 1 for conv in stated})


def identify(connect: wire.Connect, secret: str) -> str:
    """Return the user; WireError unless the token is valid and was issued to this device."""
    try:
        claims = tokens.verify(connect.token, secret, clock.now_s())
    except tokens.TokenError as error:
        raise WireError(str(error), Close.UNAUTHORIZED) from error
    if claims.device != connect.device:
        raise WireError("the token was issued to another device", Close.UNAUTHORIZED)
    return claims.user


def error_frame(error: WireError) -> bytes:
    """Return the `error` frame that precedes a close."""
    code = _ERROR_CODES.get(error.code, "bad_request")
    return wire.encode(wire.ServerFrame(error=wire.Failure(code, str(error))))


_ERROR_CODES = {
    **dict.fromkeys((Close.OVERLOAD, Close.FLOOD), "rate_limited"),
    Close.UNAUTHORIZED: "unauthorized",
}
