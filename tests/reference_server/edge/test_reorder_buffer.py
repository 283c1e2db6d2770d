"""The order of one conversation's entries."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge import reorder_buffer
from gauntlet.reference_server.edge.reorder_buffer import GAP_PATIENCE_S, Conversation


def entry(seq: int) -> Entry:
    """Return an entry of one room."""
    return Entry("r.x", seq, "msg", 0)


def offer_all(room: Conversation, seqs: list[int], now_s: float = 0.0) -> list[int]:
    """Offer these positions, and return those that leave."""
    return [ready.seq for seq in seqs for ready in room.offer(entry(seq), now_s)]


@given(st.lists(st.integers(1, 25), max_size=60))
def test_entries_leave_in_order_and_once_whatever_order_they_arrive_in(seqs):
    """The bus may lose, repeat and reorder: what leaves is the longest complete prefix."""
    room = Conversation("r.x", 1)
    left = offer_all(room, seqs)
    longest = next(seq for seq in range(1, 27) if seq not in seqs)
    assert left == list(range(1, longest))
    assert room.next_seq == longest
    assert room.is_behind is any(seq > longest for seq in seqs)


def test_a_hole_is_overdue_only_after_the_gap_patience():
    """Reordering within a few milliseconds must not cause a read."""
    room = Conversation("r.x", 1)
    offer_all(room, [2], now_s=10.0)
    assert not room.is_overdue(10.0 + GAP_PATIENCE_S / 2)
    assert room.is_overdue(10.0 + GAP_PATIENCE_S)
    offer_all(room, [1], now_s=10.1)
    assert not room.is_overdue(99.0)


def test_progress_restarts_the_gap_patience():
    """A new hole is as old as its own discovery, not as the previous hole."""
    room = Conversation("r.x", 1)
    offer_all(room, [2, 4], now_s=10.0)
    offer_all(room, [1], now_s=10.04)
    assert not room.is_overdue(10.06)
    assert room.is_overdue(10.04 + GAP_PATIENCE_S)


def test_a_head_alone_makes_a_conversation_overdue():
    """A lost last message leaves no visible hole; only the head in SQL reveals it."""
    room = Conversation("r.x", 5)
    room.note_head(4, 0.0)
    assert not room.is_behind
    room.note_head(5, 0.0)
    assert room.is_overdue(GAP_PATIENCE_S)


def test_skipping_drops_what_is_skipped_and_releases_what_follows():
    room = Conversation("r.x", 1)
    offer_all(room, [3, 6])
    room.skip_to(6)
    assert [ready.seq for ready in room.take_ready()] == [6]
    assert not room.is_behind


def test_the_number_of_entries_held_out_of_order_is_limited(monkeypatch):
    monkeypatch.setattr(reorder_buffer, "PENDING_MAX", 3)
    room = Conversation("r.x", 1)
    assert offer_all(room, [2, 3, 4, 5, 1]) == [1, 2, 3, 4]
    assert room.head == 5
    assert room.is_behind
