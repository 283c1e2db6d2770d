"""Clocks that differ: what they may have caused is no violation, and what they cannot have is one.

Each case is a pair of histories, with a number in place of one time. With the first number, only
the clocks make a correct system look wrong; with the second one, they cannot explain it.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.verdict.judge import judge

from .lines import USERS, Rows, deliver, find, good, read, send
from .test_importing import NUMBERED, Imported, outcome, sentence, violated
from .unusual_histories import member

ERROR_S = 0.3
TIMES = ("time", "completed", "requested", "dialled", "intended")
ROOM = {"capabilities": ["server_seq", "rooms", "attendance"], "require": ["attendance-stale"]}


class Case(NamedTuple):
    """A history that depends on a time: what is judged, and two times."""

    make: Callable[[float], Rows]
    check: str
    by_clocks: float
    by_system: float


def without(rows: Rows, user: str, *messages: str) -> Rows:
    """Return the lines without the deliveries of some messages to a user."""
    return [
        row
        for row in rows
        if row["kind"] != "deliver" or row["user"] != user or row["message"] not in messages
    ]


def shown_after(seconds: float) -> Rows:
    """Carol is shown a message so long after its acknowledgement; one second is allowed."""
    rows = good(delivery_deadline=1)
    rows[find(rows, kind="deliver", message="m6", user="carol")]["time"] = 6.1 + seconds
    return rows


def joined_at(time: float) -> Rows:
    """Dave becomes a member around the first send, at 1 s, and does not get that message."""
    return [*good(), member("dave", time=time), *(deliver(at, "dave") for at in range(2, 7))]


def left_the_room_at(time: float) -> Rows:
    """Dave is a member until about the last send, at 6 s, and does not get that message."""
    return [*good(), member("dave", until=time), *(deliver(at, "dave") for at in range(1, 6))]


def went_at(time: float) -> Rows:
    """Carol disconnects for good, about five seconds after an acknowledgement at 1.1 s."""
    rows = without(good(), "carol", *(f"m{at}" for at in range(1, 7)))
    rows = [row for row in rows if row.get("user") != "carol" or row["kind"] != "send"]
    of_carol = [send(at, "alice") for at in (2, 5)]
    connects = [{"kind": "connect", "time": 0.5, "user": user} for user in USERS]
    return [*connects, *of_carol, *rows, {"kind": "disconnect", "time": time, "user": "carol"}]


def missed_while_away_from(time: float) -> Rows:
    """Carol disconnects about a second after the acknowledgement of a message, at 3.1 s."""
    rows = without(good(traits={"at_most_once": True}), "carol", "m3", "m4")
    connects = [{"kind": "connect", "time": 0.5, "user": user} for user in USERS]
    gone = {"kind": "disconnect", "time": time, "user": "carol"}
    back = {"kind": "connect", "time": 4.95, "user": "carol"}
    in_order = sorted([*connects, *rows[1:], gone, back], key=lambda row: row.get("time", 0))
    return [rows[0], *in_order]


def served_late_by(seconds: float) -> Rows:
    """One reader of a channel is shown each message that much later than the others."""
    rows: Rows = [member(user) for user in ("alice", *(f"reader {n}" for n in range(12)))]
    for at in range(1, 8):
        rows.append(send(at, "alice"))
        for n in range(12):
            time = at + 0.02 + (seconds if n == 3 else 0.0)
            rows.append({**deliver(at, f"reader {n}"), "time": time})
    return rows


def phases(**times: float) -> Rows:
    """Return lines of the phases of a load."""
    return [{"kind": "phase", "phase": phase, "time": at_s} for phase, at_s in times.items()]


def stored(last: int, time: float = 31.0) -> Rows:
    """Return the audit of the conversation."""
    about = {"conversation": "team", "time": time}
    entries = [
        {"kind": "stored", **about, "message": f"m{at}", "position": at, "body": f"text {at}"}
        for at in range(1, last + 1)
    ]
    return [*entries, {"kind": "audited", **about}]


def of_a_load(last: int) -> Rows:
    """Return a history with the phases of a load, whose audit finds some messages."""
    times = {"ramp": 0.5, "steady": 0.6, "quiesce": 20.0, "audit": 30.0}
    return [*good(**NUMBERED)[:-1], *phases(**times), *stored(last)]


def proven_at(time: float) -> Rows:
    """Bob sees a message without an answer at about the beginning of the quiesce, carol never."""
    sent = {**send(7, "alice", time=19.0, outcome="unknown")}
    del sent["completed"], sent["position"]
    return [*of_a_load(7), sent, deliver(7, "alice", time=time), deliver(7, "bob", time=time)]


def received_at(time: float) -> Rows:
    """Bob receives a message at about the beginning of the audit, which does not find it."""
    sent = {**send(7, "alice", time=29.3, outcome="unknown")}
    del sent["completed"], sent["position"]
    return [*of_a_load(6), sent, deliver(7, "bob", time=time)]


def announced_before(seconds: float) -> Rows:
    """Carol is told of position 9 shortly before the history ends with position 6."""
    rows = good(**NUMBERED)
    told = {"kind": "gap", "time": rows[-1]["time"] - seconds, "user": "carol"}
    return [*rows, {**told, "conversation": "team", "first": 7, "last": 9}]


def room(*more: dict[str, Any], present: bool = False, entered: float = 10.0) -> Rows:
    """Return a room that bob enters, and a list that names bob or not, answered at 20.05 s."""
    event = {"kind": "event", "conversation": "den"}
    members = [
        {"kind": "member", "user": user, "conversation": "den", "first": 1}
        for user in ("alice", "bob")
    ]
    times = [("added", "alice", 1.0), ("added", "bob", 1.1), ("entered", "alice", 1.2)]
    events = [
        {**event, "time": time, "position": at, "event": name, "subject": subject, "user": user}
        for at, (name, subject, time) in enumerate([*times, ("entered", "bob", entered)], 1)
        for user in ("alice", "bob")
    ]
    listed = {
        "kind": "attendance", "time": 20.05, "requested": 20.0, "conversation": "den",
        "user": "alice", "subject": "bob", "present": present,
    }  # fmt: skip
    return [*members, *events, listed, *more]


def later_message() -> Rows:
    """Return a message that follows the list; bob need not have a connection any more."""
    about = {"user": "alice", "conversation": "den", "message": "a1", "position": 5}
    return [
        {"kind": "send", "time": 40.0, "completed": 40.1, **about},
        {"kind": "deliver", "time": 40.2, **about},
    ]


def closed_a_connection_at(time: float) -> Rows:
    """Bob closes a connection about five seconds after a list that omits them."""
    up = {"kind": "connect", "time": 0.5, "user": "bob"}
    down = {"kind": "disconnect", "time": time, "user": "bob", "code": 1000}
    return [{"kind": "header", **ROOM}, up, *room(down, *later_message())]


def lost_an_earlier_connection_at(time: float) -> Rows:
    """Bob lost a connection about five seconds before they were seen to enter, at 10 s."""
    connects = [
        {"kind": "connect", "time": 0.5, "user": "bob", "connection": "one"},
        {"kind": "connect", "time": 0.6, "user": "bob", "connection": "two"},
        {"kind": "disconnect", "time": time, "user": "bob", "connection": "one", "code": 1006},
    ]
    rows = room(*later_message())
    for row in rows:
        if row["kind"] == "event" and row["user"] == "bob":
            row["connection"] = "two"
    return [{"kind": "header", **ROOM}, *connects, *rows]


def audited_at(time: float) -> Rows:
    """The store is read about five seconds after a list that does not name bob."""
    about = {"kind": "event", "conversation": "den", "time": time}
    rows = [{"kind": "header", **ROOM}, *room()]
    events = {row["position"]: row for row in rows if row["kind"] == "event"}
    in_store = [{**about, **{key: row[key] for key in ("position", "event", "subject")}}
                for row in events.values()]  # fmt: skip
    audited = {"kind": "audited", "time": time, "conversation": "den", "head": 4}
    return [*rows, *in_store, audited]


def deleted_at_the_age(seconds: float) -> Rows:
    """Messages are deleted, the last of them when it is about as old as the retention, 20 s."""
    rows = of_a_load(6)
    rows[0]["traits"] = {"retention": {"age_s": 20}}
    rows[find(rows, kind="phase", phase="audit")]["time"] = 22.0
    for row in rows:
        if row["kind"] in ("stored", "audited"):
            row["time"] = 3.0 + seconds  # it was sent at 3 s
    return [row for row in rows if row["kind"] != "stored" or row["position"] > 3]


def deleted_with_later_ones(seconds: float) -> Rows:
    """The fourth message from the end is deleted, although three later ones have to be kept.

    It was acknowledged that long after one that followed it.
    """
    rows = [*good(7, **NUMBERED)[:-1], *stored(7)]
    rows[0]["traits"] = {"retention": {"count": 3}}
    rows[find(rows, kind="send", message="m4")]["completed"] = 5.1 + seconds
    for deleted in ("m1", "m2", "m3", "m4"):
        del rows[find(rows, kind="stored", message=deleted)]
    return rows


def listed_at(time: float) -> Rows:
    """The lists of dan are requested about 0.3 s after a request for friendship was granted."""
    pair = {"account": "ann", "other": "dan"}
    asked = {"kind": "contact", "requested": 10, "time": 10.1, **pair, "did": "request"}
    lists = {"kind": "contact_list", "requested": time, "time": time + 0.01, "lists": []}
    swapped = {"account": "dan", "other": "ann"}
    return [*good(12), {**asked, "outcome": "granted"}, {**lists, **swapped}]


CASES = (
    Case(shown_after, "undelivered", 1.25, 1.35),
    Case(joined_at, "undelivered", 0.75, 0.65),
    Case(left_the_room_at, "undelivered", 6.25, 6.35),
    Case(went_at, "undelivered", 6.35, 6.45),
    Case(missed_while_away_from, "undelivered", 4.35, 4.45),
    Case(proven_at, "undelivered", 19.75, 19.65),
    Case(received_at, "history-gap", 29.75, 29.65),
    Case(announced_before, "history-gap", 0.25, 0.35),
    Case(closed_a_connection_at, "attendance-stale", 25.3, 25.4),
    Case(lost_an_earlier_connection_at, "attendance-stale", 4.75, 4.65),
    Case(audited_at, "attendance-stale", 25.3, 25.4),
    Case(listed_at, "contacts", 10.35, 10.45),
    Case(deleted_at_the_age, "lost-acked", 19.75, 19.65),
    Case(deleted_with_later_ones, "lost-acked", 0.25, 0.35),
)


def with_error(rows: Rows, error_s: float) -> Rows:
    """Return the lines with a header that states the error of the clocks."""
    header = rows[0] if rows[0]["kind"] == "header" else {"kind": "header"}
    return [header | {"clock_error": error_s}, *rows[rows[0]["kind"] == "header" :]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_what_clocks_explain_is_no_violation(imported: Imported, case: Case):
    exact = imported(case.make(case.by_clocks))
    assert case.check in violated(exact), exact["verdict"]["reasons"]
    found = imported(with_error(case.make(case.by_clocks), ERROR_S))
    assert violated(found) == set(), found["verdict"]["reasons"]
    found = imported(with_error(case.make(case.by_system), ERROR_S))
    assert case.check in violated(found), sentence(found, case.check)


def test_a_receiver_whose_clock_is_ahead_is_not_served_late(imported: Imported):
    """The sender and one reader have the same clock, all other readers are 1.5 s behind it."""
    rows = served_late_by(1.5)
    for row in rows:
        for key in TIMES:
            if row.get("user") == "alice" and key in row:
                row[key] += 1.5
    # Times in which messages are shown before they are sent are no history.
    assert imported(rows)["verdict"]["status"] == "error"
    found = imported(with_error(rows, 1.5))
    assert violated(found) == set(), found["verdict"]["reasons"]
    assert outcome(found, "late") == "valid"


def test_a_receiver_who_is_later_than_the_clocks_differ_is_found(imported: Imported):
    assert "late" in violated(imported(served_late_by(1.2)))
    assert violated(imported(with_error(served_late_by(3.4), ERROR_S))) == set()
    assert "late" in violated(imported(with_error(served_late_by(3.6), ERROR_S)))


@pytest.mark.parametrize("seed", range(4))
def test_a_good_history_by_clocks_that_differ_passes(imported: Imported, seed):
    choose = random.Random(seed)
    rows = good(9, **NUMBERED, clock_error=1.0, delivery_deadline=1)
    rows += [{"kind": "connect", "time": 0.7, "user": user, "dialled": 0.6} for user in USERS]
    rows.sort(key=lambda row: row["kind"] != "header" and float(row.get("time", 0)))
    ahead_s = {user: choose.uniform(-0.5, 0.5) for user in USERS}
    for row in rows:
        for key in TIMES:
            if key in row:
                row[key] += ahead_s[row["user"]]
    found = imported(rows)
    assert violated(found) == set(), found["verdict"]["reasons"]
    assert found["verdict"]["status"] == "pass", found["verdict"]
    assert any("agree only within 1 s" in sentence for sentence in found["caveats"])


def test_phases_by_another_clock_are_no_contradiction(imported: Imported):
    rows = of_a_load(6)
    rows[find(rows, kind="phase", phase="ramp")]["time"] = 2.9
    rows[find(rows, kind="phase", phase="audit")]["time"] = 32.9
    reasons = imported(rows)["verdict"]["reasons"]
    assert "before the load began" in reasons[0] or "before it began" in reasons[0]
    found = imported(with_error(rows, 2.0))
    assert found["verdict"]["status"] == "pass", found["verdict"]
    rows[find(rows, kind="phase", phase="ramp")]["time"] = 4.1
    assert "before the load began" in imported(with_error(rows, 2.0))["verdict"]["reasons"][0]
    rows[find(rows, kind="phase", phase="ramp")]["time"] = 0.5
    rows[find(rows, kind="phase", phase="audit")]["time"] = 34.1
    assert "before it began" in imported(with_error(rows, 2.0))["verdict"]["reasons"][0]


def test_a_fault_may_have_acted_earlier_and_later(imported: Imported):
    fault = {"kind": "fault", "fault": "cut", "time": 3.5, "requested": 3.4, "until": 4.5}
    (exact,) = imported([*good(), fault])["faults"]
    (found,) = imported(with_error([*good(), fault], ERROR_S))["faults"]
    keys = ("requested_at_ns", "effective_at_ns", "healed_at_ns")
    moved_s = [(found[key] - exact[key]) / 1e9 for key in keys]
    assert moved_s == pytest.approx([-ERROR_S, -ERROR_S, ERROR_S])


def test_an_export_has_the_times_that_were_recorded(tmp_path: Path):
    rows = with_error(closed_a_connection_at(25.3), ERROR_S)
    rows += [{"kind": "fault", "fault": "cut", "time": 30.0, "requested": 29.9, "until": 31.0}]
    rows += [{**read(45.0, ["a1"], requested=44.9), "conversation": "den", "complete": False}]
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = import_history(str(first), tmp_path / "runs", [])
    with second.open("w") as stream:
        export_lines(run, stream)
    exported = [json.loads(line) for line in second.read_text().splitlines()]
    zero_s = exported[find(exported, kind="deliver")]["time"] / 1e9 - 40.2
    assert exported[0]["clock_error"] == ERROR_S
    for kind, expected in {
        "send": {"time": 40.0},
        "fault": {"time": 30.0, "requested": 29.9, "until": 31.0},
        "page": {"time": 45.0, "requested": 44.9},
        "attendance": {"time": 20.05, "requested": 20.0},
    }.items():
        line = exported[find(exported, kind=kind)]
        times = {key: line[key] / 1e9 - zero_s for key in expected}
        assert times == pytest.approx(expected), kind
    connects = [line for line in exported if line["kind"] == "connect"]
    assert all(line["dialled"] <= line["time"] for line in connects)
    again = judge(import_history(str(second), tmp_path / "runs", []))
    assert violated(again) == violated(judge(run)) == set()
