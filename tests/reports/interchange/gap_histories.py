"""Histories without positions whose pages lack messages, and unusual ones that lack nothing.

They were written from docs/reference/histories.md. Clients read pages and are pushed nothing.
"""

from typing import Any

from .lines import USERS, Rows
from .page_histories import (
    ECHO,
    OVERLAP,
    OVERLAPPING,
    SENDS,
    SEQUENCE,
    Row,
    history,
    listing,
    pages,
    sent,
)


def member(user: str, **more: Any) -> Row:
    return {"kind": "member", "user": user, "conversation": "team", **more}


def whole(user: str, time: float, *messages: Any, **more: Any) -> Row:
    return listing(user, time, *messages, complete=True, **more)


def without(*missing: str, of: tuple[str, ...] = SENDS) -> tuple[str, ...]:
    return tuple(message for message in of if message not in missing)


def everything(*rows: Row, sends: Rows = SEQUENCE, **header: Any) -> Rows:
    """Return a history in which every user reads everything in the end, with further lines."""
    listed = [row["message"] for row in sends if row["kind"] == "send"]
    ends = [whole(user, 20 + at, *listed) for at, user in enumerate(USERS)]
    return history(*sends, *rows, *ends, **{**ECHO, **header})


def one_complete_page_lacks_one() -> Rows:
    return everything(whole("alice", 19, *without("b2")))


def the_last_complete_page_lacks_one() -> Rows:
    """It would be the audit."""
    return everything(whole("alice", 30, *without("b2")))


def the_page_of_an_administrator_lacks_one() -> Rows:
    rows = everything(whole("alice", 30, *without("b1")))
    del rows[-4]["user"]
    assert rows[-4]["time"] == 30
    return rows


def a_complete_page_lacks_the_first_one() -> Rows:
    return everything(whole("bob", 19, *without("a1")))


def a_complete_page_lacks_the_last_one() -> Rows:
    return everything(whole("bob", 19, *without("c1")))


def a_complete_page_is_empty() -> Rows:
    return everything(whole("bob", 19))


def a_complete_page_has_one_message() -> Rows:
    return everything(whole("bob", 19, "a1"))


def a_page_lacks_one_in_the_middle() -> Rows:
    return everything(listing("bob", 19, "a1", "a2"))


def a_page_lacks_one_newest_first() -> Rows:
    ends = [whole(user, 20, *SENDS[::-1]) for user in USERS]
    return history(*SEQUENCE, listing("carol", 19, "a3", "a2", "b1"), *ends, **ECHO)


def a_page_lacks_one_of_a_system_without_order_across_senders() -> Rows:
    unjudged = {"realtime": "it has several servers"}
    return everything(listing("bob", 19, "a1", "b2", "a3"), unjudged=unjudged)


def a_page_lacks_one_while_others_write() -> Rows:
    return everything(whole("carol", 4.5, "a1", "a2", "b2", requested=4.4))


def a_page_lacks_one_of_several_at_once() -> Rows:
    """The one that is missing was under way together with another one, but not with its ends."""
    sends = [sent("a1", 1), sent("b1", 2, 3), sent("c1", 3, 1), sent("a2", 9)]
    return everything(listing("bob", 19, "a1", "b1", "a2"), sends=sends)


def the_complete_page_of_a_late_member_lacks_one() -> Rows:
    read = whole("dave", 19, "a3")
    return [*everything(read), member("dave", time=3.5)]


def the_page_of_a_late_member_lacks_one() -> Rows:
    return [*everything(listing("dave", 19, "b2", "c1")), member("dave", time=2.5)]


def the_page_of_a_member_who_came_back_lacks_one() -> Rows:
    spans = [member("dave", until=1.5), member("dave", time=2.5)]
    return [*everything(listing("dave", 19, "b2", "c1")), *spans]


def a_page_lacks_one_where_members_are_unknown() -> Rows:
    rows = everything(listing("bob", 19, "a2", "a3"))
    return [row for row in rows if row["kind"] != "member"]


def a_page_lacks_one_in_spite_of_the_clocks() -> Rows:
    sends = [sent(message, 5 * at) for at, message in enumerate(SENDS, 1)]
    rows = everything(sends=sends, clock_error=2)
    for row in rows:
        if row["kind"] == "read":
            row["time"] += 40
    return [*rows, listing("bob", 50, "a1", "a2")]


def a_page_lacks_what_was_sent_again() -> Rows:
    sends = [sent("a1", 1, outcome="rejected"), *SEQUENCE[1:4], sent("a1", 6), sent("c1", 8)]
    kept = ("b1", "a2", "b2", "a1", "c1")
    ends = [whole(user, 20 + at, *kept) for at, user in enumerate(USERS)]
    return history(*sends, *ends, whole("bob", 19, "b1", "a2", "b2", "c1"), **ECHO)


def a_page_lacks_one_of_those_that_are_kept() -> Rows:
    ends = [whole(user, 20 + at, *SENDS[-3:]) for at, user in enumerate(USERS)]
    early = [whole(user, 3.5, *SENDS[:3]) for user in USERS]
    traits = {"retention": {"count": 3}}
    rows = history(*SEQUENCE, *early, *ends, traits=traits, **ECHO)
    return [*rows, whole("carol", 19, "b2", "c1")]


def a_page_lacks_one_in_spite_of_the_age() -> Rows:
    traits = {"retention": {"age_s": 30}}
    return everything(whole("carol", 19, *without("a2")), traits=traits)


def a_page_lacks_one_without_a_position() -> Rows:
    """Some lines have positions, but none of the message."""
    entries = [{"message": "a1", "position": 1}, {"message": "b1", "position": 2}, "b2", "a3", "c1"]
    return everything(whole("carol", 19, *entries))


def a_page_lacks_one_in_one_of_several_conversations() -> Rows:
    other = [{**row, "conversation": "other"} for row in [sent("b1", 1), sent("b2", 2)]]
    readers = [{**member(user), "conversation": "other"} for user in USERS]
    ends = [{**whole(user, 25, "b1", "b2"), "conversation": "other"} for user in USERS]
    page = {**whole("carol", 24, "b2"), "conversation": "other"}
    return [*everything(), *readers, *other, page, *ends]


def a_page_lacks_that_of_another_without_an_echo() -> Rows:
    """The system may keep users' own messages out of their pages, but not those of others."""
    page = whole("alice", 19, *without("a1", "a2", "a3", "b1"))
    return everything(page, capabilities=[])


def a_page_lacks_one_and_another_is_in_disorder() -> Rows:
    return everything(listing("bob", 19, "b1", "a1", "a2"), listing("carol", 19, "a2", "a3"))


GAPS = (
    one_complete_page_lacks_one,
    the_last_complete_page_lacks_one,
    the_page_of_an_administrator_lacks_one,
    a_complete_page_lacks_the_first_one,
    a_complete_page_lacks_the_last_one,
    a_complete_page_is_empty,
    a_complete_page_has_one_message,
    a_page_lacks_one_in_the_middle,
    a_page_lacks_one_newest_first,
    a_page_lacks_one_of_a_system_without_order_across_senders,
    a_page_lacks_one_while_others_write,
    a_page_lacks_one_of_several_at_once,
    the_complete_page_of_a_late_member_lacks_one,
    the_page_of_a_late_member_lacks_one,
    the_page_of_a_member_who_came_back_lacks_one,
    a_page_lacks_one_where_members_are_unknown,
    a_page_lacks_one_in_spite_of_the_clocks,
    a_page_lacks_what_was_sent_again,
    a_page_lacks_one_of_those_that_are_kept,
    a_page_lacks_one_in_spite_of_the_age,
    a_page_lacks_one_without_a_position,
    a_page_lacks_one_in_one_of_several_conversations,
    a_page_lacks_that_of_another_without_an_echo,
    a_page_lacks_one_and_another_is_in_disorder,
)


def late_member() -> Rows:
    """Dave is shown what was sent since they joined, and Erin is shown everything."""
    joined = [member("dave", time=3.5), member("erin", time=3.5)]
    reads = [whole("dave", 19, "b2", "a3", "c1"), whole("erin", 19, *SENDS)]
    return [*everything(*reads), *joined]


def read_after_leaving() -> Rows:
    """Members who left are shown nothing, or what they could read before."""
    left = [member("dave", until=12), member("erin", until=2.5), member("frank", until=12)]
    reads = [
        *(whole(user, 10, *SENDS) for user in ("dave", "frank")),
        whole("dave", 30),
        whole("erin", 30, "a1", "b1"),
        listing("frank", 30, "a1", "b1"),
    ]
    return [*everything(*reads), *left]


def read_after_coming_back() -> Rows:
    """A member who is added again is shown only what is sent from then on."""
    spans = [member("dave", until=8), member("dave", time=12)]
    again = [member("erin", until=2.5), member("erin", time=4.5)]
    reads = [whole("dave", 7, *SENDS), whole("dave", 30), whole("erin", 31, "a3", "c1")]
    return [*everything(*reads), *spans, *again]


def both_stays_in_one_page() -> Rows:
    """What was sent while the reader was out lies between two entries."""
    spans = [member("dave", until=2.5), member("dave", time=4.5)]
    return [*everything(listing("dave", 30, "a1", "b1", "a3", "c1")), *spans]


def members_who_are_not_known() -> Rows:
    """No line says who may read since when."""
    rows = [*SEQUENCE, *(whole(user, 20, *SENDS) for user in USERS)]
    rows.append(whole("dave", 19, "a3", "c1"))
    return [{"kind": "header", **ECHO}, *rows]


def without_an_answer() -> Rows:
    """Of two sends without an answer, one was stored."""
    sends = [*SEQUENCE[:3], sent("b2", 4, None), sent("a3", 5, None), SEQUENCE[5]]
    ends = [whole(user, 20 + at, "a1", "b1", "a2", "a3", "c1") for at, user in enumerate(USERS)]
    return history(*sends, whole("bob", 19, "a1", "b1", "a2", "c1"), *ends, **ECHO)


def rejected() -> Rows:
    sends = [*SEQUENCE[:2], sent("a2", 3, outcome="rejected"), *SEQUENCE[3:]]
    ends = [whole(user, 20 + at, *without("a2")) for at, user in enumerate(USERS)]
    return history(*sends, *ends, **ECHO)


def acknowledged_while_it_was_read() -> Rows:
    """A page does not have what was acknowledged after it was requested."""
    reads = [
        whole("bob", 4.2, "a1", "b1", "a2", requested=4.05),
        whole("carol", 4.5, "a1", "b1", "a2", requested=4.1),
        whole("alice", 0.5),
    ]
    return everything(*reads)


def under_way_together() -> Rows:
    """Slices begin and end between messages that the system could place in any order."""
    reads = [listing("bob", 19, "a3", "b1"), listing("carol", 19, "a3", "b1", "c1")]
    listed = [whole(user, 20 + at, *OVERLAPPING) for at, user in enumerate(USERS)]
    return history(*OVERLAP, *reads, *listed, **ECHO)


def stored_at_the_second_attempt() -> Rows:
    sends = [sent("b1", 1), sent("a1", 2, None), sent("b2", 3), sent("a1", 5), sent("c1", 6)]
    ends = [whole(user, 20 + at, "b1", "b2", "a1", "c1") for at, user in enumerate(USERS)]
    return history(*sends, listing("bob", 19, "b1", "b2"), *ends, **ECHO)


def no_order_across_senders() -> Rows:
    """Each sender has a server, and the servers do not agree on an order."""
    unjudged = {"realtime": "it has several servers", "causal": "it has several servers"}
    listed = ("b1", "b2", "a1", "a2", "c1", "a3")
    slices = [listing("bob", 19, "b1", "b2"), listing("bob", 19.5, "b2", "a1", "a2", "c1")]
    ends = [whole(user, 20 + at, *listed) for at, user in enumerate(USERS)]
    return history(*SEQUENCE, *slices, *ends, unjudged=unjudged, **ECHO)


def clocks_of_users_differ() -> Rows:
    """The system sorts by the times that its users state, and these are 2 s apart."""
    listed = ("b1", "a1", "a2", "b2", "a3", "c1")
    slices = [listing("bob", 19, "b1", "a1"), listing("bob", 19.5, "a1", "a2", "b2")]
    ends = [whole(user, 20 + at, *listed) for at, user in enumerate(USERS)]
    early = whole("carol", 5.5, "b1", "a1", "a2")
    return history(*SEQUENCE, early, *slices, *ends, clock_error=2)


def kept_by_number() -> Rows:
    ends = [whole(user, 20 + at, *SENDS[-3:]) for at, user in enumerate(USERS)]
    early = [whole(user, 3.5, *SENDS[:3]) for user in USERS]
    reads = [whole("carol", 4.05, "b1", "a2", "b2", requested=3.95)]
    traits = {"retention": {"count": 3}}
    return history(*SEQUENCE, *early, *reads, *ends, traits=traits, **ECHO)


def kept_by_age() -> Rows:
    early = [whole(user, 3.5, *SENDS[:3]) for user in USERS]
    ends = [whole(user, 8.5, "a3", "c1") for user in USERS]
    reads = [whole("carol", 6.7, "a2", "b2", "a3", "c1")]
    middle = [listing(user, 5, "a2", "b2") for user in USERS]
    traits = {"retention": {"age_s": 4}}
    unjudged = {"lost-acked": "everything expires"}
    rows = [*SEQUENCE, *early, *middle, *reads, *ends]
    return history(*rows, traits=traits, unjudged=unjudged, **ECHO)


def deleted() -> Rows:
    traits = {"deletes": True}
    return everything(whole("carol", 19, *without("a2", "c1")), traits=traits)


def no_acknowledgements() -> Rows:
    sends = [sent(message, at, None) for at, message in enumerate(SENDS, 1)]
    return everything(whole("carol", 19, "a1", "c1"), sends=sends)


def handed_over() -> Rows:
    """A client counts a message as sent as soon as it has left, and one is not stored."""
    rows: Rows = []
    for row in SEQUENCE:
        rows.append({key: value for key, value in row.items() if key != "completed"})
        end = {"kind": "ack", "time": row["time"] + 0.01, "handed_over": True}
        rows.append({**end, "conversation": "team", "message": row["message"]})
    return everything(whole("carol", 19, "a1", "c1"), sends=rows)


def single_messages() -> Rows:
    shown = [listing(user, 9 + at, each) for user in USERS for at, each in enumerate(SENDS)]
    return history(*SEQUENCE, *shown, **ECHO)


def nothing_to_read() -> Rows:
    """Another conversation has no messages, so that all of its pages are empty."""
    empty = [{**whole(user, 9), "conversation": "empty"} for user in USERS]
    members = [{**member(user), "conversation": "empty"} for user in USERS]
    return [*everything(), *members, *empty, {**listing("bob", 9), "conversation": "empty"}]


def own_messages_are_left_out() -> Rows:
    """Without `self_echo`, the pages of a user need not have what the user wrote."""
    ends = [whole(user, 20, *without(of=SENDS)) for user in ("bob", "carol")]
    own = whole("alice", 21, *without("a1", "a2", "a3"))
    return history(*SEQUENCE, listing("alice", 19, "b1", "b2", "c1"), own, *ends)


def older_messages() -> Rows:
    old = [{"message": f"x{at}", "leftover": True} for at in (1, 2)]
    return everything(listing("bob", 19, *old, "a1"), listing("bob", 19.5, *old))


def others_write_as_well() -> Rows:
    """Of what they write, it is not known when it was stored."""
    unjudged = {"phantom": "others write, too"}
    reads = [listing("bob", 19, "a1", "x1", "b1"), whole("carol", 19, "a1", "x1", *SENDS[1:])]
    return everything(*reads, unjudged=unjudged)


def pages_meet() -> Rows:
    """Each page begins behind the last entry of the one before."""
    back = [listing("carol", 9 + first, *SENDS[first : first + 2]) for first in (4, 2, 0)]
    return everything(*back, *(listing("bob", 16 + at, each) for at, each in enumerate(SENDS)))


def overlapping_pages() -> Rows:
    return history(*SEQUENCE, *pages(*SENDS), **ECHO)


COMPLETE = (
    late_member,
    read_after_leaving,
    read_after_coming_back,
    both_stays_in_one_page,
    members_who_are_not_known,
    without_an_answer,
    rejected,
    acknowledged_while_it_was_read,
    under_way_together,
    stored_at_the_second_attempt,
    no_order_across_senders,
    clocks_of_users_differ,
    kept_by_number,
    kept_by_age,
    deleted,
    no_acknowledgements,
    handed_over,
    single_messages,
    nothing_to_read,
    own_messages_are_left_out,
    older_messages,
    others_write_as_well,
    pages_meet,
    overlapping_pages,
)
