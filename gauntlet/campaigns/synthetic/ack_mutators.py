"""Mutators of acknowledgements and copies: each makes some name what is not their message."""

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.mutator import Identity, Mutator, identity
from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.history import Channel, Kind, NamedFlag, Record, id_digest


def _named_by_ack(story: Story, at: int = 12) -> int:
    """Return the index of what an acknowledgement names; its message is stored."""
    named = [i for i in story.at(Kind.NAMED, flags=0) if story.records[i].conv != ROOM]
    stored = {identity(story.records[i]) for i in story.at(Kind.AUDIT)}
    return [i for i in named if identity(story.records[i]) in stored][at]


def _change(story: Story, index: int, **fields: int) -> set[Identity]:
    story.change(index, **fields)
    return {identity(story.records[index])}


def acknowledge_another_conversation(story: Story) -> set[Identity]:
    """Name another conversation in an acknowledgement."""
    return _change(story, _named_by_ack(story), spare=NamedFlag.OTHER_CONVERSATION)


def acknowledge_another_message(story: Story) -> set[Identity]:
    """Name the id of another message of the client in an acknowledgement."""
    return _change(story, _named_by_ack(story), spare=NamedFlag.OTHER_MESSAGE)


def acknowledge_an_id_that_is_not_stored(story: Story) -> set[Identity]:
    """Acknowledge a message with an id that no message has."""
    return _change(story, _named_by_ack(story), ref_ns=id_digest("never assigned"))


def acknowledge_two_with_one_id(story: Story) -> set[Identity]:
    """Acknowledge a message with the id of an earlier one; the store has no ids to compare."""
    story.drop(story.at(Kind.NAMED, flags=Channel.AUDIT))
    earlier = story.records[_named_by_ack(story, 3)]
    return _change(story, _named_by_ack(story), ref_ns=earlier.ref_ns)


def acknowledge_the_wrong_position(story: Story) -> set[Identity]:
    """Acknowledge a message at a position at which others see another message."""
    index = story.at(Kind.ACK, conv=1)[4]
    return _change(story, index, seq=story.records[index].seq + 1)


def acknowledge_a_position_far_away(story: Story) -> set[Identity]:
    """Acknowledge a message at a position that its conversation never reaches."""
    return _change(story, story.at(Kind.ACK, conv=1)[4], seq=100_000)


def acknowledge_a_position_before_others_joined(story: Story) -> set[Identity]:
    """Acknowledge a message at a position that some of those who receive it may not read."""
    return _change(story, story.at(Kind.ACK, conv=ROOM)[-5], seq=1)


def acknowledge_what_was_never_sent(story: Story) -> set[Identity]:
    """Acknowledge a message that no client handed over."""
    known: Record = story.records[story.at(Kind.ACK, conv=1)[4]]
    made_up = known._replace(sseq=888_888, seq=0)
    story.records.append(made_up)
    return {identity(made_up)}


def _show(story: Story, name: str, spare: int) -> set[Identity]:
    """Let a push name its message, whose acknowledgement names an id."""
    acked = story.records[_named_by_ack(story)]
    push = next(
        record
        for record in story.records
        if record.kind == Kind.DELIVER and identity(record) == identity(acked)
    )
    shown = push._replace(kind=Kind.NAMED, ref_ns=id_digest(name) or acked.ref_ns, spare=spare)
    story.records.append(shown)
    return {identity(shown)}


def push_with_another_id(story: Story) -> set[Identity]:
    """Push a message with an id that it was not acknowledged with."""
    return _show(story, "never assigned", NamedFlag.SHOWN)


def push_with_another_id_of_the_sender(story: Story) -> set[Identity]:
    """Push a message with an id that its sender did not choose."""
    return _show(story, "", NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE)


def store_another_id_of_the_sender(story: Story) -> set[Identity]:
    """Store a message with an id that its sender did not choose."""
    index = story.at(Kind.NAMED, flags=Channel.AUDIT)[7]
    return _change(story, index, spare=NamedFlag.OTHER_MESSAGE)


ACK_MUTATORS: dict[Mutator, str] = {
    acknowledge_another_conversation: "ack-content",
    acknowledge_another_message: "ack-content",
    acknowledge_an_id_that_is_not_stored: "ack-content",
    acknowledge_two_with_one_id: "ack-content",
    acknowledge_the_wrong_position: "ack-content",
    acknowledge_a_position_far_away: "ack-content",
    acknowledge_a_position_before_others_joined: "ack-content",
    acknowledge_what_was_never_sent: "ack-content",
    push_with_another_id: "ack-content",
    push_with_another_id_of_the_sender: "phantom",
    store_another_id_of_the_sender: "phantom",
}
