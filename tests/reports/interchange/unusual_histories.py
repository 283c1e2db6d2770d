"""Unusual histories, as other systems record them, in which nothing is wrong."""

import itertools
from collections.abc import Callable
from typing import Any

from .lines import USERS, Rows, deliver, find, good, read, send
from .test_importing import NUMBERED

Row = dict[str, Any]


def member(user: str, **more: Any) -> Row:
    return {"kind": "member", "user": user, "conversation": "team", **more}


def newest_first() -> Rows:
    """Every page of the history has the newest message first."""
    rows = good(**NUMBERED)
    pages = [read(8, ["m4", "m3", "m2"], complete=False), read(9, ["m2", "m1"], complete=False)]
    rows[-1]["messages"].reverse()
    return [*rows[:-1], *pages, rows[-1]]


def read_by_a_late_member(**header: Any) -> Rows:
    """A member who joined late reads all that they may read, after everybody else."""
    rows = good(**header)
    rows += [member("dave", time=3.5), deliver(5, "dave"), deliver(6, "dave")]
    return [*rows, read(20, ["m4", "m5", "m6"], user="dave")]


def read_by_a_late_member_with_positions() -> Rows:
    return read_by_a_late_member(**NUMBERED)


def read_after_leaving() -> Rows:
    """A member who left reads what they still may, which ends before the last message."""
    rows = [*good(**NUMBERED), member("dave", until=4.5)]
    rows += [deliver(at, "dave") for at in range(1, 5)]
    return [*rows, read(20, ["m1", "m2", "m3", "m4"], user="dave")]


def phone_or_laptop() -> Rows:
    """A system shows each message on the device that the user looks at."""
    rows = good()
    for row in rows:
        if row["kind"] == "deliver" and row["user"] == "carol":
            row["device"] = "phone" if row["time"] < 4 else "laptop"
    return rows


def shown_again_on_another_device() -> Rows:
    """Users look at their messages on one device, and much later on another one."""
    rows = good(delivery_deadline=5)
    later = [row for row in rows if row["kind"] == "deliver" and row["user"] == "carol"]
    return [*rows, *({**row, "device": "laptop", "time": row["time"] + 30} for row in later)]


def edited() -> Rows:
    """A message was edited before the history was read."""
    rows = good(traits={"edits": True})
    texts = [{"message": f"m{at}", "body": f"text {at}"} for at in range(1, 7)]
    texts[2]["body"] = "another text"
    rows[-1]["messages"] = texts
    return rows


def deleted(*, last: bool = False) -> Rows:
    """A user deleted a message, which leaves a hole in the positions."""
    rows = good(**NUMBERED, traits={"deletes": True})
    rows[-1]["messages"].remove("m6" if last else "m3")
    return rows


def limited_by_age() -> Rows:
    """A system deletes what is older than seven seconds, and has done so before the last read."""
    rows = good(traits={"retention": {"age_s": 7}})
    rows[-1]["messages"] = ["m4", "m5", "m6"]
    return rows


def alone() -> Rows:
    """A user writes notes to themselves, and no one else is owed anything."""
    rows: Rows = [member("alice")]
    rows += [send(at, "alice") for at in range(1, 4)]
    return [*rows, read(9, ["m1", "m2", "m3"], user="alice")]


def one_conversation_of_two_is_read() -> Rows:
    rows = good()
    return [*rows, *({**row, "conversation": "other"} for row in rows[:-1])]


def over_years() -> Rows:
    """Users send one message a year."""
    rows = good()
    for row in rows:
        for key in row.keys() & {"time", "completed"}:
            at_s = row[key]
            row[key] = int(at_s) * 31_536_000 + at_s % 1
    return rows


def last_one_deleted() -> Rows:
    return deleted(last=True)


def copies() -> Rows:
    """A system delivers at least once; the clients drop what they have."""
    rows = good(capabilities=["self_echo"])
    shown = [row for row in rows if row["kind"] == "deliver"]
    again = [{**row, "kind": "copy", "time": row["time"] + 0.01} for row in shown]
    return [*rows[:-1], *again, rows[-1]]


def whole_seconds() -> Rows:
    """The log has no fractions of seconds."""
    rows = good(12)
    for row in rows:
        for key in ("time", "completed"):
            if key in row:
                row[key] = int(row[key] / 3)
    return rows


def names() -> Rows:
    """Names differ only in their Unicode form, or are written from right to left."""
    alike = {"alice": "Zoe\u0301", "bob": "Zo\u00e9", "carol": "\u05d3\u05d5\u05d3 \U0001f600"}
    rows = good(**NUMBERED)
    for row in rows:
        if "user" in row:
            row["user"] = alike[row["user"]]
        if "conversation" in row:
            row["conversation"] = "caf\u00e9 \u200f\U0001f469\u200d\U0001f469\u200d\U0001f467"
    return rows


def empty_room() -> Rows:
    """No message is ever sent in a room of three members, whose history was read."""
    rows = good(**NUMBERED)
    rooms = [{**member(user), "conversation": "empty"} for user in USERS]
    return [*rows, *rooms, {**read(12, []), "conversation": "empty"}]


def created_later() -> Rows:
    """A group is created while others talk, and its members are added then."""
    rows = good(12)
    later = [{**member(user, time=5.5), "conversation": "new"} for user in USERS]
    talk = [
        {**row, "conversation": "new"}
        for row in rows
        if row["kind"] in ("send", "deliver") and row["time"] >= 6
    ]
    return [
        *rows,
        *later,
        *talk,
        {**read(30, [f"m{at}" for at in range(6, 13)]), "conversation": "new"},
    ]


def no_acknowledgements() -> Rows:
    """The protocol has neither acknowledgements nor positions."""
    rows = good()
    for row in rows:
        row.pop("position", None)
        if row["kind"] == "send":
            row.pop("completed")
    return rows


def handed_over() -> Rows:
    """A send is over when it is handed to the network."""
    rows = no_acknowledgements()
    ends = [
        {"kind": "ack", "time": row["time"] + 0.001, "handed_over": True}
        | {key: row[key] for key in ("conversation", "message")}
        for row in rows
        if row["kind"] == "send"
    ]
    return [*rows, *ends]


def positions_are_times() -> Rows:
    """A position is the time of the store in microseconds."""
    rows = good()
    for row in rows:
        if "position" in row:
            row["position"] = 1_790_000_000_000_000 + 977 * row["position"]
    return rows


def positions_from_zero() -> Rows:
    """The positions of a log of events begin at 0."""
    rows = good()
    for row in rows:
        if "position" in row:
            row["position"] -= 1
    return rows


def positions_for_senders() -> Rows:
    """Only senders learn the positions of messages, and only of some."""
    rows = good()
    for row in rows:
        if row["kind"] == "deliver" or row["message" if "message" in row else "kind"] == "m4":
            row.pop("position", None)
    return rows


def another_clock(error_s: float = 0.3) -> Rows:
    """The clock of a user is behind the others, so that messages seem to come before their send."""
    rows = good(**NUMBERED, clock_error=error_s)
    for row in rows:
        for key in ("time", "completed"):
            if row.get("user") == "carol" and key in row:
                row[key] -= 0.3
    return rows


def shown_from_a_queue() -> Rows:
    """A client shows a message that it had received before its connection was lost."""
    rows = good(**NUMBERED)
    shown = find(rows, kind="deliver", message="m3", user="carol")
    rows.insert(shown, {"kind": "disconnect", "time": 2.6, "user": "carol"})
    rows.insert(shown + 2, {"kind": "connect", "time": 3.4, "user": "carol"})
    return rows


def read_in_pages() -> Rows:
    """The last of several pages is complete, and has only the end of the conversation."""
    rows = good(**NUMBERED)
    return [*rows, read(20, ["m5", "m6"], after=4)]


def added_again() -> Rows:
    """A member is out of the room for two messages."""
    rows = good(**NUMBERED)
    out = [row for row in rows if row.get("user") != "carol" or row["kind"] == "send"]
    shown = [deliver(at, "carol") for at in (1, 2, 5, 6)]
    # The author of m2 and m5 was a member at these positions.
    return [*out, member("carol", first=1, last=2), member("carol", first=5), *shown]


def make_before_break() -> Rows:
    """A client connects again before it closes the first connection, and gets copies on both."""
    rows = good(**NUMBERED)
    up = [{"kind": "connect", "time": 0.5, "user": user, "connection": "one"} for user in USERS]
    two = {"user": "carol", "connection": "two"}
    overlap = [
        {"kind": "connect", "time": 3.05, **two},
        {**deliver(3, "carol"), "kind": "copy", "time": 3.25, "connection": "one"},
        {"kind": "disconnect", "time": 3.5, "user": "carol", "connection": "one"},
    ]
    for row in rows:
        if row["kind"] == "deliver":
            moved = row["user"] == "carol" and row["time"] > 3
            row["connection"] = "two" if moved else "one"
    return sorted([*rows, *up, *overlap], key=lambda row: float(row.get("time", 0)))


def acknowledged_twice() -> Rows:
    """A send is repeated because its answer was lost, and both answers arrive."""
    rows = good(**NUMBERED)
    first = rows[find(rows, kind="send", message="m3")]
    answer = {"kind": "ack", "conversation": "team", "message": "m3", "position": 3}
    again = {**first, "time": 3.05, "completed": 3.12}
    return [*rows, again, {**answer, "time": 3.3}]


def broadcast() -> Rows:
    """One user writes to a channel of many readers, who never write."""
    readers = [f"reader {at}" for at in range(12)]
    rows: Rows = [member(user) for user in ("alice", *readers)]
    for at in range(1, 6):
        rows.append(send(at, "alice"))
        rows += [
            {**deliver(at, user), "time": at + 0.2 + 0.01 * n} for n, user in enumerate(readers)
        ]
    return rows


def page(time: float, *numbers: int, **more: Any) -> Row:
    """Return a page that does not reach the end of the conversation."""
    messages = [f"m{number}" for number in numbers]
    return read(time, messages, **{"complete": False, **more})


def without_audit(**header: Any) -> Rows:
    """Nothing shows what is stored at the end."""
    return good(**NUMBERED, **header)[:-1]


def pages_alone() -> Rows:
    """Several users and devices read parts of the history, one of them while messages are sent."""
    pages = [page(3.05, 1, 2), page(8, 2, 3, 4, user="carol", device="tablet"), page(9, 5, 6)]
    return [*without_audit(), *pages, page(10, 4, 5, 6, after=3), page(11, user="carol", after=6)]


def page_of_a_member_who_was_out() -> Rows:
    """Carol may not read what was sent while she was out of the room."""
    rows = [row for row in added_again() if row["kind"] != "read"]
    return [*rows, page(9, 1, 2, 5, 6, user="carol"), page(10, 5, 6, user="carol", after=0)]


def page_of_a_member_who_was_out_for_a_time() -> Rows:
    """Only the times are known at which Carol, who receives no pushes, left and came back."""
    rows = [row for row in without_audit() if row["kind"] == "send" or row.get("user") != "carol"]
    for row in rows:
        if row["kind"] == "send" and row["user"] == "carol":
            row["user"] = "bob"
    rows += [member("carol", time=0, until=2.9), member("carol", time=5.5)]
    return [*rows, page(12, 1, 6, user="carol", after=0)]


def page_of_the_own_messages() -> Rows:
    """The only page has nothing that its reader did not write."""
    rows = without_audit()
    rows[0]["capabilities"] = ["server_seq"]
    return [*rows, page(9, user="alice"), page(10, 3, user="alice")]


def page_without_the_event_in_its_range() -> Rows:
    """Position 3 is that of a change of members, and a page has only messages."""
    rows = [
        {**row, "position": row["position"] + (row["position"] > 2)} if "position" in row else row
        for row in without_audit()
    ]
    event = {"kind": "event", "time": 2.5, "conversation": "team", "position": 3, "user": "alice"}
    rows.append({**event, "event": "added", "subject": "bob"})
    gap = {"kind": "gap", "conversation": "team", "first": 3, "last": 3}
    rows += [{**gap, "time": 2.6, "user": user} for user in ("bob", "carol")]
    return [*rows, page(9, 1, 2, 3, 4, user="alice"), page(10, 1, 2, 3, 4, user="bob")]


def page_that_begins_with_what_is_left() -> Rows:
    """The system keeps the last four messages of a conversation."""
    rows = without_audit(traits={"retention": {"count": 4}})
    return [*rows, page(4.5, 2, 3, 4, after=0), page(9, 3, 4, 5, 6, after=0)]


def page_of_the_last_seconds() -> Rows:
    """The system keeps messages for four seconds."""
    rows = without_audit(traits={"retention": {"age_s": 4}})
    return [*rows, page(8.5, 5, 6, after=0)]


def members_who_are_not_known() -> Rows:
    """Who reads may have joined late: no line says who may read what."""
    rows = [row for row in without_audit() if row["kind"] != "member"]
    rows = [row for row in rows if row["kind"] != "deliver" or row["user"] != "bob"]
    return [*rows, page(9, 4, 5, 6, after=0)]


def newest_first_in_several_conversations() -> Rows:
    """In one of them, every page has one message."""
    return [*newest_first(), *({**row, "conversation": "other"} for row in good(1))]


def polled() -> Rows:
    """Clients show what they request every five seconds, and nothing is pushed."""
    rows = good(12)
    for row in rows:
        if row["kind"] == "deliver":
            row |= {"channel": "history", "time": (row["time"] // 5 + 1) * 5}
    return rows


def only_read() -> Rows:
    """Clients show whole pages, and no line says what they show."""
    rows = [row for row in good(12) if row["kind"] != "deliver"]
    return [*rows, *(read(18, [f"m{at}" for at in range(1, 13)], user=user) for user in USERS)]


def with_events(*positions: int, **header: Any) -> Rows:
    """Changes of members take these positions, and are pushed, but pages have only messages."""
    rows = good(12, **NUMBERED, **header)
    for before, position in enumerate(positions):
        for row in rows:
            if row.get("position", 0) >= position:
                row["position"] += 1
        event = {"kind": "event", "conversation": "team", "event": "added", "subject": "bob"}
        rows += [
            {**event, "time": position - before - 0.25, "position": position, "user": user}
            for user in USERS
        ]
    return rows


def events_that_pages_lack() -> Rows:
    return with_events(3, 7)


def event_at_the_end() -> Rows:
    return with_events(3, 14)


def events_that_an_administrator_lacks() -> Rows:
    rows = with_events(3, 14)
    del rows[find(rows, kind="read")]["user"]
    return rows


def events_that_are_stored() -> Rows:
    """Lines without a user say that the changes are stored, and pages have only messages."""
    rows = with_events(3, 14)
    events = {row["position"]: row for row in rows if row["kind"] == "event"}
    stored = [{key: row[key] for key in row if key != "user"} for row in events.values()]
    return [*rows, *stored]


def stored_events_that_an_administrator_lacks() -> Rows:
    rows = events_that_are_stored()
    del rows[find(rows, kind="read")]["user"]
    return rows


def refused_after_an_attempt_without_an_answer() -> Rows:
    """The first attempt was stored, and the second one refused, because the room was closed."""
    rows = good(**NUMBERED)
    first = find(rows, kind="send", message="m4")
    del rows[first]["completed"], rows[first]["position"]
    again = {**rows[first], "time": 4.6, "completed": 4.7, "outcome": "rejected"}
    rows[first]["outcome"] = "unknown"
    return [*rows, again]


def read_without_a_device() -> Rows:
    """Every device has to get everything, and who reads the store names none."""
    rows = good(capabilities=["devices"])
    for row in rows:
        if row["kind"] in ("deliver", "send"):
            row["device"] = "phone"
    rows[-1]["time"] += 90
    return rows


def pages_with_a_head() -> Rows:
    """Each page says how far the conversation has advanced, also if it ends before that."""
    first, last = page(8, 1, 2, 3, after=0, head=6), page(9, 4, 5, 6, after=3, head=6)
    return [*without_audit(), first, {**last, "complete": True}]


def connections_first() -> Rows:
    """A table of the connections precedes everything else."""
    up = [{"kind": "connect", "time": 0.5, "user": user} for user in USERS]
    down = {"kind": "disconnect", "time": 3.5, "user": "carol"}
    again = {"kind": "connect", "time": 3.8, "user": "carol"}
    rows = good(**NUMBERED)
    return [rows[0], *up, again, *rows[1:], down]


def page_with_one_foreign_message() -> Rows:
    """All others in the page are the reader's own, so that hardly anything could be missing."""
    rows = [row for row in good()[:-1] if row.get("message") in (None, "m1", "m2", "m3")]
    for row in rows:
        if row["kind"] == "send" and row["message"] != "m2":
            row["user"] = "bob"
    return [*rows, page(9, 1, 2, 3)]


def older_messages_in_pages() -> Rows:
    """The room was used before anything was recorded."""
    rows = good()
    old = [{"message": f"old{at}", "sender": "zoe", "leftover": True} for at in range(3)]
    rows[-1]["messages"] = [*old, *rows[-1]["messages"]]
    return rows


def did(at: float, account: str, other: str, what: str, outcome: str = "granted") -> Row:
    about = {"account": account, "other": other, "did": what, "outcome": outcome}
    return {"kind": "contact", "time": at + 0.5, "requested": at, **about}


def lists(at: float, account: str, other: str, *names: str) -> Row:
    about = {"account": account, "other": other, "lists": list(names)}
    return {"kind": "contact_list", "time": at + 0.1, "requested": at, **about}


def unrelated(*accounts: str) -> Rows:
    """Return what shows that there is nothing between any two of these accounts."""
    pairs = list(itertools.permutations(accounts, 2))
    rows = [did(1 + at, *pair, "end") for at, pair in enumerate(pairs)]
    return [*rows, *(lists(8 + at / 5, *pair) for at, pair in enumerate(pairs))]


def contacts_of_three() -> Rows:
    """Each of three accounts has two contacts; they end, cross, are renewed, and one is blocked."""
    rows = [*good(), *unrelated("zed", "amy", "kim")]
    for at, (one, two) in enumerate((("zed", "amy"), ("amy", "kim"), ("kim", "zed"))):
        # The requests cross.
        rows += [did(10 + at, one, two, "request"), did(10.2 + at, two, one, "request")]
        rows += [lists(11 + at, one, two, "friend"), lists(11.2 + at, two, one, "friend")]
    rows += [did(20, "amy", "zed", "end"), lists(21, "zed", "amy"), lists(22, "amy", "zed")]
    rows += [did(23, "zed", "amy", "request"), lists(24, "amy", "zed", "incoming")]
    rows += [did(25, "kim", "zed", "block"), did(26, "zed", "kim", "request", "refused")]
    rows += [lists(27, "kim", "zed", "blocked"), lists(28, "zed", "kim")]
    return [*rows, lists(29, "zed", "amy", "outgoing"), lists(30, "kim", "amy", "friend")]


def messages_of_friends_alone() -> Rows:
    """A system refuses messages to others, and a request that was made or accepted already."""
    rows = [*good(), *unrelated("ann", "ben"), did(12, "ann", "ben", "request")]
    rows += [did(13, "ben", "ann", "request"), did(14, "ann", "ben", "send")]
    rows += [lists(15, "ann", "ben", "friend"), did(16, "ann", "ben", "request", "refused")]
    rows += [did(17, "ben", "ann", "end"), lists(18, "ann", "ben")]
    rows += [did(25, "ann", "ben", "send", "refused"), did(26, "ann", "ben", "request")]
    return [*rows, did(35, "ann", "ben", "request", "refused"), lists(36, "ben", "ann", "incoming")]


CORRECT: tuple[Callable[[], Rows], ...] = (
    newest_first,
    read_by_a_late_member,
    read_by_a_late_member_with_positions,
    read_after_leaving,
    phone_or_laptop,
    shown_again_on_another_device,
    edited,
    copies,
    whole_seconds,
    names,
    empty_room,
    created_later,
    no_acknowledgements,
    handed_over,
    positions_are_times,
    positions_from_zero,
    positions_for_senders,
    another_clock,
    shown_from_a_queue,
    read_in_pages,
    added_again,
    make_before_break,
    acknowledged_twice,
    broadcast,
    pages_alone,
    page_of_a_member_who_was_out,
    page_of_a_member_who_was_out_for_a_time,
    page_of_the_own_messages,
    page_without_the_event_in_its_range,
    page_that_begins_with_what_is_left,
    page_of_the_last_seconds,
    members_who_are_not_known,
    newest_first_in_several_conversations,
    polled,
    only_read,
    events_that_pages_lack,
    event_at_the_end,
    events_that_an_administrator_lacks,
    events_that_are_stored,
    stored_events_that_an_administrator_lacks,
    refused_after_an_attempt_without_an_answer,
    read_without_a_device,
    pages_with_a_head,
    connections_first,
    older_messages_in_pages,
    page_with_one_foreign_message,
    contacts_of_three,
    messages_of_friends_alone,
    alone,
    one_conversation_of_two_is_read,
    limited_by_age,
    over_years,
)
