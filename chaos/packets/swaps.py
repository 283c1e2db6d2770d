"""Decides which packets of TCP are held back until a later one of their connection has passed."""

import random
from typing import NamedTuple

from gauntlet.chaos.packets.packet_queue import Packet

_HALF = 1 << 31  # sequence numbers start again at 0: what is less than half of them ahead is later


class _Held(NamedTuple):
    packet: Packet
    until_s: float


class Swaps:
    """A share of the packets with data is held, at most one of each direction of a connection.

    The next packet with later data overtakes the one that is held, which then follows it. Without
    one it goes on after `hold_s`, in its place. `reordered` counts those that were overtaken.
    """

    def __init__(self, share: float, hold_s: float, stream: random.Random) -> None:
        self.reordered = 0
        self._share, self._hold_s, self._random = share, hold_s, stream
        self._held: dict[bytes, _Held] = {}  # in the order in which they are due

    def offer(self, packet: Packet, now_s: float) -> tuple[int, ...]:
        """Take the next packet; return the ids of those that go on now, in their order."""
        held = self._held.get(packet.connection)
        if held is not None:
            if not packet.length or not _is_later(packet.seq, held.packet.seq):
                return (packet.id,)
            del self._held[packet.connection]
            self.reordered += 1
            return (packet.id, held.packet.id)
        if packet.length and self._random.random() < self._share:
            self._held[packet.connection] = _Held(packet, now_s + self._hold_s)
            return ()
        return (packet.id,)

    def wait_s(self, now_s: float) -> float | None:
        """Return how long until the first held packet is due; None if none is held."""
        first = next(iter(self._held.values()), None)
        return None if first is None else max(0.0, first.until_s - now_s)

    def due(self, now_s: float) -> tuple[int, ...]:
        """Return the ids of the packets that have waited for long enough."""
        due = [key for key, held in self._held.items() if held.until_s <= now_s]
        return tuple(self._held.pop(key).packet.id for key in due)


def _is_later(seq: int, other: int) -> bool:
    return 0 < (seq - other) % (2 * _HALF) < _HALF
