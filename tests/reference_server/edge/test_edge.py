"""What an edge does with frames; the integration tests cover its handshake and its end."""

from types import SimpleNamespace

from gauntlet.reference_server.core.wire import ClientFrame, Empty, Room
from gauntlet.reference_server.edge.edge import Edge


def test_nothing_after_a_leave_begins_a_stay():
    """Frames of one segment are handled before the close; no exit would follow such a stay."""
    reports, closes = [], []
    edge = Edge.__new__(Edge)
    edge._presence = SimpleNamespace(report=reports.append)
    socket = SimpleNamespace(
        user="ann", core=SimpleNamespace(name="e|1-1"), has_left=False, close=closes.append
    )
    for frame in (
        ClientFrame(enter=Room("r.x")),
        ClientFrame(leave=Empty()),
        ClientFrame(enter=Room("r.y")),
    ):
        edge._handle_frame(socket, frame)
    assert [(each.event, each.conv) for each in reports] == [("enter", "r.x"), ("leave", "")]
    assert closes == [1000]
