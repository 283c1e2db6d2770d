"""Histories of clients that read pages and are pushed nothing, in one order or another.

They were written from docs/reference/histories.md. `SEQUENCE` are sends of which each was
acknowledged before the next one; `OVERLAP` has some that were under way at the same time.
"""

from typing import Any

from .lines import USERS, Rows

Row = dict[str, Any]
AUTHORS = {"a": "alice", "b": "bob", "c": "carol"}
ECHO = {"capabilities": ["self_echo"]}


def sent(message: str, time: float, took: float | None = 0.1, **more: Any) -> Row:
    """Return the send of a message whose id begins with the initial of its author."""
    answer = {} if took is None else {"completed": time + took}
    author = AUTHORS[message[0]]
    known = {"time": time, "user": author, "conversation": "team", "message": message}
    return {"kind": "send", **known, **answer, **more}


SENDS = ("a1", "b1", "a2", "b2", "a3", "c1")
SEQUENCE: Rows = [sent(message, at) for at, message in enumerate(SENDS, 1)]
OVERLAPPING = ("a1", "a2", "a3", "b1", "c1", "a4")
OVERLAP: Rows = [
    *(sent(message, at) for at, message in enumerate(OVERLAPPING[:3], 1)),
    sent("b1", 4, 3),
    sent("c1", 5, 3),
    sent("a4", 9),
]


def history(*rows: Row, **header: Any) -> Rows:
    """Return lines with a header and the members."""
    members = [{"kind": "member", "user": user, "conversation": "team"} for user in USERS]
    return [{"kind": "header", **header}, *members, *rows]


def listing(user: str, time: float, *messages: Any, **more: Any) -> Row:
    return {
        "kind": "read", "time": time, "user": user, "conversation": "team",
        "messages": list(messages), **more,
    }  # fmt: skip


def pages(*messages: Any, size: int = 3) -> Rows:
    """Every user reads pages that overlap, and then everything."""
    return [
        *(
            listing(user, 10 + at + first / 10, *messages[first : first + size])
            for at, user in enumerate(USERS)
            for first in range(0, len(messages), size - 1)
        ),
        *(listing(user, 20 + at, *messages, complete=True) for at, user in enumerate(USERS)),
    ]


def placed(*messages: str) -> Rows:
    """Return entries whose positions ascend."""
    return [{"message": message, "position": at} for at, message in enumerate(messages, 1)]


def pushed(*messages: str) -> Rows:
    """Push messages to every user, in this order."""
    return [
        {"kind": "deliver", "time": 20 + at, "user": user, "conversation": "team", "message": each}
        for user in USERS
        for at, each in enumerate(messages)
    ]


# In place of SENDS and OVERLAPPING, with two messages exchanged.
SWAPPED = ("b1", "a1", "a2", "b2", "a3", "c1")
SWAPPED_OF_ALICE = ("a2", "a1", "a3", "b1", "c1", "a4")
SWAPPED_CONCURRENT = ("a1", "a2", "a3", "c1", "b1", "a4")


def second_before_first() -> Rows:
    return history(*OVERLAP, *pages(*SWAPPED_OF_ALICE))


def second_before_first_newest_first() -> Rows:
    return history(*OVERLAP, *pages(*SWAPPED_OF_ALICE[::-1]))


def second_before_first_by_position() -> Rows:
    return history(*OVERLAP, *pages(*placed(*SWAPPED_OF_ALICE)))


def second_before_first_by_dense_position() -> Rows:
    rows = second_before_first_by_position()
    return [{"kind": "header", "capabilities": ["server_seq"]}, *rows[1:]]


def second_before_first_in_one_page() -> Rows:
    page = listing("bob", 30, "a1", "a3", "a2", "b1", "c1", "a4")
    return history(*OVERLAP, *pages(*OVERLAPPING), page)


def second_before_first_between_other_entries() -> Rows:
    """One of them was written before the history began, and one by a stranger."""
    old, foreign = {"message": "x1", "leftover": True}, {"message": None, "foreign": True}
    entries = [old, "a2", foreign, "a1", *SWAPPED_OF_ALICE[2:]]
    unjudged = {"phantom": "others write, too"}
    return history(*OVERLAP, *pages(*entries), unjudged=unjudged)


def second_before_first_for_an_administrator() -> Rows:
    """Users are shown the right order."""
    page = listing("bob", 30, *SWAPPED_OF_ALICE, complete=True)
    del page["user"]
    right = {**page, "messages": [*OVERLAPPING], "time": 29}
    return history(*OVERLAP, *pushed(*OVERLAPPING), right, page)


def second_before_first_in_one_of_several_conversations() -> Rows:
    """The pages of the other one show that the oldest message is the first."""
    rows = [*OVERLAP, *pages(*OVERLAPPING)]
    other = [{**row, "conversation": "other"} for row in [sent("b1", 1), sent("b2", 2)]]
    page = {**listing("carol", 30, "b2", "b1"), "conversation": "other"}
    return history(*rows, *other, page)


def second_before_first_although_read_between() -> Rows:
    """Alice's second message is also an answer to her first one, which she had read."""
    rows = second_before_first()
    return [*rows, listing("alice", 1.5, "a1")]


def later_before_acknowledged() -> Rows:
    return history(*SEQUENCE, *pages(*SWAPPED))


def later_before_acknowledged_newest_first() -> Rows:
    return history(*SEQUENCE, *pages(*SWAPPED[::-1]))


def later_before_acknowledged_by_position() -> Rows:
    return history(*SEQUENCE, *pages(*placed(*SWAPPED)))


def later_before_acknowledged_after_a_fault() -> Rows:
    fault = {"kind": "fault", "fault": "crash", "time": 2.5, "until": 3.5}
    page = listing("bob", 30, "a1", "b1", "b2", "a2", "a3", "c1")
    return history(fault, *SEQUENCE, *pages(*SENDS), page)


def later_before_acknowledged_by_more_than_the_clocks() -> Rows:
    page = listing("bob", 30, "c1", "a1", "b1", "a2")
    return history(*SEQUENCE, *pages(*SENDS), page, clock_error=2)


def readers_disagree() -> Rows:
    page = listing("bob", 30, *SWAPPED_CONCURRENT)
    return history(*OVERLAP, *pages(*OVERLAPPING), page, **ECHO)


def readers_disagree_without_any_other_order() -> Rows:
    """Nothing shows whether pages have their oldest or their newest message first."""
    both = [sent("a1", 1, 1), sent("b1", 1, 1)]
    pages_of_both = [listing(user, 30, "a1", "b1") for user in ("alice", "bob")]
    return history(*both, *pages_of_both, listing("carol", 31, "b1", "a1"), **ECHO)


def page_disagrees_with_pushes() -> Rows:
    page = listing("bob", 30, *SWAPPED_CONCURRENT)
    return history(*OVERLAP, *pushed(*OVERLAPPING), page, **ECHO)


def reply_before_its_cause() -> Rows:
    """Bob answers a message that was never acknowledged, and Carol's page has it behind that."""
    sends = [sent("a1", 1), sent("a2", 2), sent("a3", 3, None), sent("b1", 5)]
    shown = [listing("bob", 4, "a1", "a2", "a3"), *pages("a1", "a2", "a3", "b1")]
    return history(*sends, *shown, listing("carol", 30, "a1", "a2", "b1", "a3"))


DISORDER = {
    second_before_first: "sender-fifo",
    second_before_first_newest_first: "sender-fifo",
    second_before_first_by_position: "sender-fifo",
    second_before_first_by_dense_position: "sender-fifo",
    second_before_first_in_one_page: "sender-fifo",
    second_before_first_between_other_entries: "sender-fifo",
    second_before_first_for_an_administrator: "sender-fifo",
    second_before_first_in_one_of_several_conversations: "sender-fifo",
    second_before_first_although_read_between: "sender-fifo",
    later_before_acknowledged: "realtime",
    later_before_acknowledged_newest_first: "realtime",
    later_before_acknowledged_by_position: "realtime",
    later_before_acknowledged_after_a_fault: "realtime",
    later_before_acknowledged_by_more_than_the_clocks: "realtime",
    readers_disagree: "divergent-order",
    readers_disagree_without_any_other_order: "divergent-order",
    page_disagrees_with_pushes: "divergent-order",
    reply_before_its_cause: "causal",
}


def in_order() -> Rows:
    return history(*SEQUENCE, *pages(*SENDS), **ECHO)


def newest_first() -> Rows:
    return history(*SEQUENCE, *pages(*SENDS[::-1]), **ECHO)


def in_order_with_some_positions() -> Rows:
    entries = [*placed(*SENDS[:2]), *SENDS[2:]]
    return history(*SEQUENCE, *pages(*entries))


def no_common_order() -> Rows:
    """A system of several servers that does not promise that all receivers see one order."""
    page = listing("bob", 30, *SWAPPED_CONCURRENT)
    return history(*OVERLAP, *pushed(*OVERLAPPING), page)


def unacknowledged() -> Rows:
    """Nothing is known of when the messages were stored, and the pages of users differ."""
    sends = [sent(message, at, None) for at, message in enumerate(SENDS[:4], 1)]
    page = listing("carol", 9, "b2", "a2", "a1", "b1")
    return history(*sends, listing("bob", 9, "b1", "a1", "a2", "b2"), page)


def handed_over() -> Rows:
    """A client counts a message as sent as soon as it has left."""
    rows: Rows = []
    for row in OVERLAP:
        rows.append({key: value for key, value in row.items() if key != "completed"})
        end = {"kind": "ack", "time": row["time"] + 0.01, "handed_over": True}
        rows.append({**end, "conversation": "team", "message": row["message"]})
    return history(*rows, *pages(*SWAPPED_OF_ALICE))


def clocks_of_users_differ() -> Rows:
    """The system sorts by the times that its users state, and these are 2 s apart."""
    return history(*SEQUENCE, *pages(*SWAPPED), clock_error=2)


def stored_at_the_second_attempt() -> Rows:
    sends = [sent("a1", 1, None), sent("b1", 2), sent("a1", 3), sent("c1", 5)]
    return history(*sends, *pages("b1", "a1", "c1"))


def stored_at_the_first_attempt() -> Rows:
    sends = [sent("a1", 1, None), sent("b1", 2), sent("a1", 3), sent("c1", 5)]
    return history(*sends, *pages("a1", "b1", "c1"))


def rejected_and_sent_again() -> Rows:
    refused = sent("a1", 1, outcome="rejected")
    return history(refused, sent("b1", 2), sent("a1", 3), sent("c1", 5), *pages("b1", "a1", "c1"))


def acknowledged_in_the_moment_of_the_next_send() -> Rows:
    """The log has whole seconds."""
    sends = [sent("a1", 1, 1), sent("b1", 2, 0), sent("a2", 2, 1), sent("c1", 5)]
    return history(*sends, *pages("b1", "a1", "a2", "c1"))


def read_while_sending() -> Rows:
    """Pages grow, overlap and end before what is under way."""
    shown = [listing("bob", at + 0.6, *SENDS[max(0, at - 3) : at]) for at in range(1, 6)]
    return history(*SEQUENCE, *shown, *pages(*SENDS))


def backwards_from_the_end() -> Rows:
    """A user scrolls back, page by page, and each page has its oldest message first."""
    back = [listing("carol", 30 + first, *SENDS[first : first + 2]) for first in (4, 2, 0)]
    return history(*SEQUENCE, *pages(*SENDS), *back)


def others_write_as_well() -> Rows:
    """Of some messages in the pages, no line says who sent them."""
    entries = ["x2", *SENDS[:3], "x1", *SENDS[3:]]
    unjudged = {"phantom": "others write, too"}
    return history(*SEQUENCE, *pages(*entries), unjudged=unjudged, **ECHO)


def written_before_the_history_began() -> Rows:
    old = [{"message": f"x{at}", "leftover": True} for at in (2, 1)]
    return history(*SEQUENCE, *pages(*old, *SENDS), **ECHO)


def one_page() -> Rows:
    """The only page of the history descends."""
    return history(sent("a1", 1), sent("a2", 2), *(listing(u, 9, "a2", "a1") for u in USERS))


def single_messages() -> Rows:
    """Each page has one message, in any order."""
    shown = [listing(user, 9 + at, each) for user in USERS for at, each in enumerate(SWAPPED)]
    return history(*SEQUENCE, *shown)


ORDER = (
    in_order,
    newest_first,
    in_order_with_some_positions,
    no_common_order,
    unacknowledged,
    handed_over,
    clocks_of_users_differ,
    stored_at_the_second_attempt,
    stored_at_the_first_attempt,
    rejected_and_sent_again,
    acknowledged_in_the_moment_of_the_next_send,
    read_while_sending,
    backwards_from_the_end,
    others_write_as_well,
    written_before_the_history_began,
    one_page,
    single_messages,
)
