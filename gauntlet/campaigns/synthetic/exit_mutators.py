"""Mutators of the reports of exits from the room; see `mutators.py`."""

from collections.abc import Callable

from gauntlet.campaigns.synthetic.histories import LATE, LEAVER, ROOM, TRAVELLER
from gauntlet.campaigns.synthetic.story import RAMP_S, STEADY_S, ZERO, S, Story
from gauntlet.core.history import Channel, Flag, Kind, Record, RoomEvent

LEAVES = 3  # exits after the fault, on a connection that lasts
STAYS = 1  # never asks to exit
_SHOWS = (Kind.ROOM, Kind.RECEIVE, Kind.AUDIT)


def _events(story: Story, event: RoomEvent, user: int) -> list[int]:
    """Return the positions of a user's events."""
    flags = Channel.AUDIT | Flag.ROOM_EVENT
    found = story.at(Kind.AUDIT, conv=ROOM, peer=user, sseq=event, flags=flags)
    return sorted(story.records[index].seq for index in found)


def _is_at(record: Record, position: int) -> bool:
    return record.conv == ROOM and record.seq == position and record.kind in _SHOWS


def _become(story: Story, position: int, event: RoomEvent, user: int) -> None:
    """Let every user see another event at a position of the room, with which the list agrees."""
    before = {record.peer for record in story.records if _is_at(record, position)}
    for concerned in (user, *before):
        story.drop(story.at(Kind.ATTENDANCE, conv=ROOM, peer=concerned))
    for index, record in enumerate(story.records):
        if _is_at(record, position):
            story.change(index, sseq=event, peer=user)


def report_an_exit_twice(story: Story) -> set[tuple[int, int, int]]:
    """Report another exit where the user came back."""
    _become(story, _events(story, RoomEvent.ENTERED, LEAVES)[1], RoomEvent.EXITED, LEAVES)
    return set()


def report_the_exit_of_another(story: Story) -> set[tuple[int, int, int]]:
    """Report that another user exited."""
    _become(story, _events(story, RoomEvent.EXITED, LEAVES)[0], RoomEvent.EXITED, STAYS)
    return set()


def show_an_exit_as_that_of_another(story: Story) -> set[tuple[int, int, int]]:
    """Push an exit to the members with another user than the one whose exit is stored."""
    position = _events(story, RoomEvent.EXITED, LEAVES)[0]
    for index in story.at(Kind.ROOM, conv=ROOM, seq=position):
        story.change(index, peer=TRAVELLER)
    return set()


def report_the_exit_of_a_stranger(story: Story) -> set[tuple[int, int, int]]:
    """Report that a user exited who was never a member."""
    _become(story, _events(story, RoomEvent.EXITED, LEAVES)[0], RoomEvent.EXITED, TRAVELLER)
    return set()


def report_that_a_user_left_who_stays(story: Story) -> set[tuple[int, int, int]]:
    """Report the exit of a user who asked for nothing, in place of the last return."""
    _become(story, _events(story, RoomEvent.ENTERED, 2)[-1], RoomEvent.EXITED, STAYS)
    return set()


def report_no_exit(story: Story) -> set[tuple[int, int, int]]:
    """Do not report the exit of a user who asked for it."""
    _become(story, _events(story, RoomEvent.EXITED, LEAVES)[0], RoomEvent.ENTERED, LATE)
    return set()


def report_an_entry_twice(story: Story) -> set[tuple[int, int, int]]:
    """Report that a user entered who is in the room, in place of the last return of another."""
    _become(story, _events(story, RoomEvent.ENTERED, 2)[-1], RoomEvent.ENTERED, STAYS)
    return set()


def remove_a_member_without_a_request(story: Story) -> set[tuple[int, int, int]]:
    """Remove the member who leaves although the load, which records its requests, had none."""
    story.reconciliation["removals"] = 0
    return set()


def show_the_last_exit_to_all_but_one(story: Story) -> set[tuple[int, int, int]]:
    """Report an exit at the end of the room, but not to one member."""
    (head,) = story.at(Kind.HEAD, conv=ROOM)
    known = story.records[head]
    story.change(head, seq=known.seq + 1)
    for page in story.at(Kind.PAGE, conv=ROOM, link=0):
        story.change(page, sseq=known.seq + 1, peer=known.seq + 1)
    event = {"conv": ROOM, "peer": LEAVES, "sseq": RoomEvent.EXITED, "seq": known.seq + 1}
    asked_ns = ZERO + (RAMP_S + STEADY_S) * S
    last = {link.user: link.number for link in story.links.values()}
    asked = {"conv": ROOM, "peer": LEAVES, "sseq": RoomEvent.EXITED}
    story.add(Kind.ATTEND, asked_ns - S, link=last[LEAVES], **asked)
    for member in story.convs[ROOM]["members"]:
        if member not in (LEAVER, STAYS):
            story.add(Kind.ROOM, asked_ns, link=last[member], **event)
    story.add(Kind.AUDIT, known.t_ns, flags=Channel.AUDIT | Flag.ROOM_EVENT, **event)
    return set()


EXIT_MUTATORS: tuple[Callable[[Story], set[tuple[int, int, int]]], ...] = (
    report_an_exit_twice,
    report_the_exit_of_another,
    report_the_exit_of_a_stranger,
    show_an_exit_as_that_of_another,
    report_that_a_user_left_who_stays,
    report_no_exit,
    report_an_entry_twice,
    remove_a_member_without_a_request,
    show_the_last_exit_to_all_but_one,
)
