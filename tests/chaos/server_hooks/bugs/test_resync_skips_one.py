"""resync_skips_one: a reader with a cursor misses the position after it."""

import pytest

pytestmark = pytest.mark.integration


def positions(server, after):
    """The positions that a client reads after a cursor."""
    return [seq for seq, _, _ in server.history(after)]


def test_a_read_from_a_cursor_misses_the_position_after_it(serve):
    """History and the edges' repair start at cursor + 2; without a cursor nothing is missing."""
    server = serve("resync_skips_one")
    for number in range(4):
        server.send(f"m{number}")
    assert positions(server, 0) == [1, 2, 3, 4]
    assert positions(server, 1) == [3, 4]
    assert positions(server, 3) == []
    assert server.entries(2) == [4]


def test_without_the_bug_no_position_is_missing(serve):
    """The unchanged server answers from cursor + 1."""
    server = serve()
    for number in range(3):
        server.send(f"m{number}")
    assert positions(server, 1) == [2, 3]
    assert server.entries(2) == [3]
