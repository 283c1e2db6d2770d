"""The pure order of one conversation."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge import reorder_buffer
from gauntlet.reference_server.edge.reorder_buffer import GAP_PATIENCE_S, Conversation


def entry(seq: int) -> Entry:
    """An entry of one room."""
    return Entry("r.x", seq, "msg", 0)


def out(room: Conversation[str], seqs: list[int], now_s: float = 0.0) -> list[int]:
    """What goes out when these come in."""
    return [ready.seq for seq in seqs for ready in room.offer(entry(seq), now_s)]


@given(st.lists(st.integers(1, 25), max_size=60))
def test_in_any_order_in_order_out(seqs):
    """Loss, repetition and reordering on the bus: out goes the longest prefix, each once."""
    room = Conversation[str]("r.x", 1)
    went = out(room, seqs)
    longest = next(seq for seq in range(1, 27) if seq not in seqs)
    assert went == list(range(1, longest))
    assert room.next_seq == longest
    assert room.is_behind is any(seq > longest for seq in seqs)


def test_a_hole_is_overdue_after_the_patience():
    """Reordering of a few milliseconds costs no read; a loss is noticed."""
    room = Conversation[str]("r.x", 1)
    out(room, [2], now_s=10.0)
    assert not room.is_overdue(10.0 + GAP_PATIENCE_S / 2)
    assert room.is_overdue(10.0 + GAP_PATIENCE_S)
    out(room, [1], now_s=10.1)
    assert not room.is_overdue(99.0)


def test_progress_restarts_the_patience():
    """A hole is as old as its own first sight, not as the one before it."""
    room = Conversation[str]("r.x", 1)
    out(room, [2, 4], now_s=10.0)
    out(room, [1], now_s=10.04)
    assert not room.is_overdue(10.06)
    assert room.is_overdue(10.04 + GAP_PATIENCE_S)


def test_a_head_alone_makes_overdue():
    """The last message of a burst leaves no visible hole; SQL's head shows it."""
    room = Conversation[str]("r.x", 5)
    room.note_head(4, 0.0)
    assert not room.is_behind
    room.note_head(5, 0.0)
    assert room.is_overdue(GAP_PATIENCE_S)


def test_skipping_drops_what_is_skipped_and_frees_what_waits():
    """After an announced gap the order goes on."""
    room = Conversation[str]("r.x", 1)
    out(room, [3, 6])
    room.skip_to(6)
    assert [ready.seq for ready in room.take_ready()] == [6]
    assert not room.is_behind


def test_entries_held_out_of_order_are_bounded(monkeypatch):
    """A lost position must not collect all that follows in memory."""
    monkeypatch.setattr(reorder_buffer, "PENDING_MAX", 3)
    room = Conversation[str]("r.x", 1)
    assert out(room, [2, 3, 4, 5, 1]) == [1, 2, 3, 4]
    assert room.head == 5
    assert room.is_behind
