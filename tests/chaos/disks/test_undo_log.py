"""What is undone by a loss of power: against a model that keeps a copy of each synced file."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.chaos.disks.undo_log import BLOCK, UndoLog

SIZES = st.integers(0, 3 * BLOCK)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), SIZES, st.integers(1, 2 * BLOCK)),
        st.tuples(st.just("truncate"), SIZES, st.just(0)),
        st.tuples(st.just("sync"), st.just(0), st.just(0)),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def handle(tmp_path_factory):
    """An open file."""
    descriptor = os.open(tmp_path_factory.mktemp("undo") / "file", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def content(handle):
    """All bytes of a file."""
    return os.pread(handle, 1 << 20, 0)


@given(steps=STEPS)
def test_the_file_is_as_it_was_at_the_last_sync(handle, steps):
    os.ftruncate(handle, 0)
    os.pwrite(handle, b"s" * (BLOCK + 7), 0)
    undo, synced, found = UndoLog(), content(handle), os.fstat(handle)
    for number, (step, at, length) in enumerate(steps):
        if step == "write":
            undo.note(handle, at, at + length)
            os.pwrite(handle, bytes([number]) * length, at)
        elif step == "truncate":
            undo.note(handle, at, None)
            os.ftruncate(handle, at)
        else:
            undo.durable((found.st_dev, found.st_ino))
            synced = content(handle)
    undo.lose()
    assert content(handle) == synced


@given(steps=STEPS, seed=st.integers(0, 99))
def test_a_torn_loss_leaves_no_byte_that_was_never_written(handle, steps, seed):
    os.ftruncate(handle, 0)
    undo = UndoLog()
    for step, at, length in steps:
        if step == "write":
            undo.note(handle, at, at + length)
            os.pwrite(handle, b"w" * length, at)
    before = os.fstat(handle).st_size
    lost = undo.lose(0.5, random.Random(seed))
    after = content(handle)
    assert set(after) <= set(b"w\0")
    assert len(after) <= before
    assert (lost.blocks, lost.kept_blocks) != (0, 0) or not before


def test_with_torn_writes_some_blocks_are_kept_and_some_are_not(handle):
    os.ftruncate(handle, 0)
    os.pwrite(handle, b"o" * 40 * BLOCK, 0)
    undo = UndoLog()
    undo.note(handle, 0, 40 * BLOCK)
    os.pwrite(handle, b"n" * 40 * BLOCK, 0)
    lost = undo.lose(0.3, random.Random(1))
    assert lost.blocks + lost.kept_blocks == 40
    assert 0 < content(handle).count(b"n") / BLOCK == lost.kept_blocks < 40


def test_nothing_is_lost_twice(handle):
    os.ftruncate(handle, 0)
    undo = UndoLog()
    undo.note(handle, 0, 5)
    os.pwrite(handle, b"12345", 0)
    assert (undo.lose().files, undo.lose().files) == (1, 0)
