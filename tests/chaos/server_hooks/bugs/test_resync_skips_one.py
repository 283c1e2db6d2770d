"""resync_skips_one: who comes back with a cursor misses what stands right behind it."""

import pytest

pytestmark = pytest.mark.integration


def positions(server, after):
    """What clients read behind a cursor, as positions."""
    return [seq for seq, _, _ in server.history(after)]


def test_a_cursor_loses_the_position_behind_it(serve):
    """History and edges' repair begin at cursor + 2; without a cursor nothing is missing."""
    server = serve("resync_skips_one")
    for number in range(4):
        server.send(f"m{number}")
    assert positions(server, 0) == [1, 2, 3, 4]
    assert positions(server, 1) == [3, 4]
    assert positions(server, 3) == []
    assert server.entries(2) == [4]


def test_without_the_bug_nothing_is_missing(serve):
    """The server as it is answers from cursor + 1."""
    server = serve()
    for number in range(3):
        server.send(f"m{number}")
    assert positions(server, 1) == [2, 3]
    assert server.entries(2) == [3]
