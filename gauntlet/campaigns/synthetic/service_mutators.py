"""Mutators of how fast users are served: late, or not at all after a fault."""

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, MS, ZERO, Link, S, Story
from gauntlet.core.history import Kind

_SHOWN_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP)
_SLOW = 3  # a user whose connection lasts through the fault


def keep_a_user_disconnected(story: Story) -> set[Identity]:
    """Disconnect a user in the fault until after the recovery window."""
    story.users[9] = "u0-9"
    for at, (up_s, down_s, code) in enumerate([(1.0, 8.1, 1006), (16.5, 32.0, 1000)], 1):
        number, up, down = 100 + at, ZERO + int(up_s * S), ZERO + int(down_s * S)
        story.links[number] = Link(number, 9, "edge-blue-1", up, down, code, at)
        story.add(Kind.CONNECT, up, ref_ns=up - MS, link=number, peer=9)
        story.add(Kind.DISCONNECT, down, link=number, peer=9, spare=code)
    return set()


def serve_one_conversation_late(story: Story) -> set[Identity]:
    """Present all of one direct conversation 3 s later, in the same order, but for the fault."""
    _serve_late(story, [index for kind in _SHOWN_KINDS for index in story.at(kind, conv=1)])
    return set()


def serve_one_receiver_late(story: Story) -> set[Identity]:
    """Present everything to one user 3 s later, in the same order, but for the fault."""
    links = [number for number, link in story.links.items() if link.user == _SLOW]
    shown = [
        index for kind in _SHOWN_KINDS for link in links for index in story.at(kind, link=link)
    ]
    _serve_late(story, shown)
    return set()


def _serve_late(story: Story, indices: list[int]) -> None:
    fault, over = int(ZERO + FAULT_S * S), int(ZERO + (BACK_S + 2) * S)
    for index in indices:
        record = story.records[index]
        if record.t_ns >= over:
            story.change(index, t_ns=record.t_ns + 3 * S)
        elif record.t_ns < fault:
            # What comes just before the fault keeps its order, at a hundredth of its distances.
            latest = fault - (fault - record.t_ns) // 100
            story.change(index, t_ns=min(record.t_ns + 3 * S, latest))


def serve_a_member_late_in_one_room(story: Story) -> set[Identity]:
    """Present all of the room 3 s later to one member, to whom all else comes in time."""
    links = [number for number, link in story.links.items() if link.user == _SLOW]
    shown = [
        index
        for kind in _SHOWN_KINDS
        for link in links
        for index in story.at(kind, link=link, conv=ROOM)
    ]
    _serve_late(story, shown)
    return set()


def recover_too_late(story: Story) -> set[Identity]:
    """Let the service recover, but not within the time that the fault expects."""
    story.scenario["faults"][0]["expect"] = {"recover_within": "50ms"}
    return set()


SERVICE_MUTATORS: dict[Mutator, str] = {
    keep_a_user_disconnected: "unrecovered",
    serve_one_conversation_late: "late",
    serve_one_receiver_late: "late",
    serve_a_member_late_in_one_room: "late",
    recover_too_late: "unrecovered",
}
