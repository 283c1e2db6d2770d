"""Mutators of the list of who is in the room; see `mutators.py`."""

from gauntlet.campaigns.synthetic.histories import LATE, LEAVER, ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator
from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.history import Attendance, Kind

_STAYS = 1  # never exits


def _answer(story: Story, user: int, listed: Attendance) -> set[Identity]:
    """Say the same of a user in all answers."""
    for index in story.at(Kind.ATTENDANCE, conv=ROOM, peer=user):
        story.change(index, sseq=listed)
    return set()


def list_a_user_who_was_removed(story: Story) -> set[Identity]:
    """List a user to the end who is no member any more."""
    return _answer(story, LEAVER, Attendance.PRESENT)


def omit_a_user_who_entered(story: Story) -> set[Identity]:
    """Never list a user who is in the room all the time."""
    return _answer(story, _STAYS, Attendance.ABSENT)


def list_a_user_who_has_not_entered(story: Story) -> set[Identity]:
    """List a user who never enters the room."""
    return _answer(story, LATE, Attendance.PRESENT)


ATTENDANCE_MUTATORS: tuple[Mutator, ...] = (
    list_a_user_who_was_removed,
    omit_a_user_who_entered,
    list_a_user_who_has_not_entered,
)
