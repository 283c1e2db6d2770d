"""Histories that are unusual but correct pass, and defects in them are named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.verdict.judge import judge

from .lines import USERS, Rows, deliver, find, good, read, send
from .test_importing import NUMBERED, Imported, violated
from .unusual_histories import (
    CORRECT,
    added_again,
    alone,
    another_clock,
    contacts_of_three,
    deleted,
    edited,
    event_at_the_end,
    last_one_deleted,
    limited_by_age,
    names,
    newest_first,
    older_messages_in_pages,
    over_years,
    page,
    page_of_a_member_who_was_out,
    page_of_a_member_who_was_out_for_a_time,
    pages_alone,
    phone_or_laptop,
    polled,
    read_by_a_late_member_with_positions,
    read_without_a_device,
    shown_again_on_another_device,
    with_events,
    without_audit,
)


@pytest.mark.parametrize("make", CORRECT, ids=lambda make: make.__name__)
def test_an_unusual_history_passes(imported: Imported, make):
    result = imported(make())
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]


def test_a_history_of_years_has_no_value_for_each_second(imported: Imported):
    result = imported(over_years())
    assert result["series"] == {}
    assert result["run"]["duration_s"] == pytest.approx(10 * 31_536_000, rel=0.01)
    assert (
        "There are no charts: they have a value for each second, of at most 7 days."
        in (result["caveats"])
    )


def test_a_message_that_is_lost_makes_no_page_end_too_early(imported: Imported):
    """An administrator read everything but one message, which all had received."""
    rows = good(**NUMBERED)
    at = find(rows, kind="read")
    rows[at]["messages"].remove("m3")
    del rows[at]["user"]
    assert violated(imported(rows)) == {"lost-acked"}


def test_one_page_in_disorder_leaves_the_direction_of_the_others(imported: Imported):
    result = imported(one_page_of_many_is_in_disorder())
    (found,) = (check for check in result["checks"] if check["id"] == "history-order")
    assert found["count"] == 1


def test_an_unknown_check_counts_if_the_header_requires_it(imported: Imported):
    result = imported([{"kind": "header", "require": ["lost-acked", "undelivered"]}, *alone()])
    assert result["verdict"]["status"] == "inconclusive"
    assert result["verdict"]["reasons"][0].startswith("undelivered: The run has no expected")


def deleted_from_a_page() -> Rows:
    return [*without_audit(traits={"deletes": True}), page(9, 2, 4)]


@pytest.mark.parametrize("make", [deleted, last_one_deleted, deleted_from_a_page])
def test_a_message_that_may_have_been_deleted_is_no_violation(imported: Imported, make):
    result = imported(make())
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]
    assert "may be deleted" in "".join(result["caveats"])


def one_page_of_many_is_reversed() -> Rows:
    rows = newest_first()
    rows[find(rows, kind="read")]["messages"].reverse()
    return rows


def missed_on_every_device() -> Rows:
    rows = phone_or_laptop()
    del rows[find(rows, kind="deliver", user="carol", message="m4")]
    return rows


def shown_too_late_on_every_device() -> Rows:
    rows = shown_again_on_another_device()
    del rows[find(rows, kind="deliver", user="carol", message="m4")]
    return rows


def missed_on_a_device_that_gets_everything() -> Rows:
    rows = phone_or_laptop()
    return [{"kind": "header", "capabilities": ["devices"]}, *rows]


def edited_by_the_system() -> Rows:
    rows = edited()
    del rows[0]["traits"]
    return rows


def shown_what_was_sent_while_out() -> Rows:
    return [*added_again(), {**deliver(3, "carol"), "time": 6.5, "channel": "history"}]


def hole_in_the_page_of_a_late_member() -> Rows:
    rows = read_by_a_late_member_with_positions()
    rows[-1]["messages"].remove("m5")
    return [row for row in rows if row != deliver(5, "dave")]


def pushed_without_a_position() -> Rows:
    rows = good(**NUMBERED)
    rows[find(rows, kind="deliver", message="m3", user="bob")]["position"] = 0
    return rows


def out_of_order_in_spite_of_the_clocks() -> Rows:
    """Bob's messages are acknowledged three seconds before the next one is sent."""
    rows = [row for row in another_clock() if row.get("message") != "m3"]
    early, late = (find(rows, kind="deliver", message=m, user="alice") for m in ("m1", "m4"))
    rows[early]["time"], rows[late]["time"] = rows[late]["time"], rows[early]["time"] + 3.05
    rows[early]["time"] += 0.1
    return [{"kind": "header", "clock_error": 0.3}, *rows[1:-1]]


def name_in_another_form() -> Rows:
    """The author of a delivery is named by the other form of their name."""
    rows = names()
    at = find(rows, kind="deliver", message="m3")
    author = next(row["user"] for row in rows if row.get("message") == "m3")
    rows[at]["sender"] = next(name for name in ("Zoe\u0301", "Zo\u00e9") if name != author)
    return rows


def left_out_of_a_page() -> Rows:
    """Bob was shown the message live, before the page was requested."""
    return [*without_audit(), page(9, 2, 4)]


def left_out_where_positions_have_gaps() -> Rows:
    """Bob was shown message 3 live, whose position is between those of the page."""
    rows = [*good()[:-1], page(9, 2, 4, 5)]
    for row in rows:
        if "position" in row:
            row["position"] *= 1000
    return rows


def left_out_of_the_page_of_another_device() -> Rows:
    return [*without_audit(), page(9, 2, 3, 4), page(9, 2, 4, device="tablet")]


def left_out_of_a_complete_page() -> Rows:
    return [*without_audit(), page(9, 5, after=4), read(4.5, ["m1", "m3", "m4"])]


def left_out_after_coming_back() -> Rows:
    rows = page_of_a_member_who_was_out_for_a_time()
    for at in (7, 8):
        rows += [send(at, "alice"), deliver(at, "alice"), deliver(at, "bob")]
    return [*rows, page(21, 1, 6, 8, user="carol", after=0)]


def left_out_of_what_is_kept() -> Rows:
    return [*without_audit(traits={"retention": {"count": 4}}), page(9, 4, 6, after=0)]


def read_while_out() -> Rows:
    return [*page_of_a_member_who_was_out(), page(11, 2, 3, user="carol")]


def page_begins_too_early() -> Rows:
    return [*without_audit(), page(9, 3, 4, after=3)]


def descending_in_one_conversation() -> Rows:
    """Its only page descends, and those of another conversation ascend."""
    rows = without_audit()
    other = [{**row, "conversation": "other"} for row in rows if row["kind"] in ("member", "send")]
    return [*rows, *other, page(9, 1, 2), {**page(9, 2, 1), "conversation": "other"}]


def polled_too_late() -> Rows:
    rows = polled()
    rows[find(rows, kind="deliver", user="bob", message="m3")]["time"] += 90
    del rows[-1]
    return rows


def twice_in_one_page() -> Rows:
    return [*without_audit(), page(9, 2, 3, 3, 4)]


def lost_between_events() -> Rows:
    """Position 5 was pushed and acknowledged."""
    rows = with_events(3, 7)
    rows[find(rows, kind="read")]["messages"].remove("m4")
    return rows


def lost_before_an_event() -> Rows:
    rows = event_at_the_end()
    rows[find(rows, kind="read")]["messages"].remove("m12")
    return rows


def missed_on_a_device_of_a_reader() -> Rows:
    rows = read_without_a_device()
    del rows[find(rows, kind="deliver", user="bob", message="m3")]
    return rows


def older_message_without_a_mark() -> Rows:
    rows = older_messages_in_pages()
    del rows[-1]["messages"][1]["leftover"]
    return rows


def one_page_of_many_is_in_disorder() -> Rows:
    rows = newest_first()
    rows[-2]["messages"] = ["m4", "m2", "m3"]
    return rows


def test_clients_may_show_what_is_pushed_backwards(imported: Imported):
    """Nothing but the positions says in which order these messages of several users are."""
    rows: Rows = [{"kind": "header", "capabilities": ["server_seq"]}]
    rows += [row for row in good() if row["kind"] == "member"]
    rows += [send(at, USERS[at % 3], time=1.0, completed=1.5) for at in (1, 2, 3)]
    rows += [deliver(at, user, time=2.0) for user in USERS for at in (1, 2, 3)]
    assert violated(imported(rows)) == set()
    first, second = (find(rows, kind="deliver", user="bob", message=m) for m in ("m2", "m3"))
    rows[first], rows[second] = rows[second], rows[first]
    assert violated(imported(rows)) == {"wire-order"}


def lost_although_young() -> Rows:
    rows = limited_by_age()
    rows[-1]["messages"].remove("m5")
    return rows


def requests_that_cross_are_no_friendship() -> Rows:
    """Both are shown their own request alone, though both requests were granted."""
    rows = contacts_of_three()
    for reader, other in (("kim", "zed"), ("zed", "kim")):
        at = find(rows, kind="contact_list", account=reader, other=other, lists=["friend"])
        rows[at]["lists"] = ["outgoing"]
    return rows


DEFECTS: dict[Callable[[], Rows], str] = {
    one_page_of_many_is_reversed: "history-order",
    one_page_of_many_is_in_disorder: "history-order",
    lost_although_young: "lost-acked",
    missed_on_every_device: "undelivered",
    shown_too_late_on_every_device: "undelivered",
    missed_on_a_device_that_gets_everything: "undelivered",
    edited_by_the_system: "phantom",
    shown_what_was_sent_while_out: "misdelivery",
    hole_in_the_page_of_a_late_member: "history-gap",
    pushed_without_a_position: "position",
    out_of_order_in_spite_of_the_clocks: "causal",
    name_in_another_form: "phantom",
    left_out_of_a_page: "history-gap",
    left_out_where_positions_have_gaps: "history-gap",
    left_out_of_the_page_of_another_device: "history-gap",
    left_out_after_coming_back: "history-gap",
    left_out_of_a_complete_page: "history-gap",
    left_out_of_what_is_kept: "history-gap",
    read_while_out: "misdelivery",
    page_begins_too_early: "history-order",
    descending_in_one_conversation: "history-order",
    polled_too_late: "undelivered",
    twice_in_one_page: "duplicate",
    lost_between_events: "lost-acked",
    lost_before_an_event: "lost-acked",
    missed_on_a_device_of_a_reader: "undelivered",
    older_message_without_a_mark: "phantom",
    requests_that_cross_are_no_friendship: "contacts",
}


@pytest.mark.parametrize("make", DEFECTS, ids=lambda make: make.__name__)
def test_a_defect_in_an_unusual_history_is_named_first(imported: Imported, make):
    result = imported(make())
    assert result["verdict"]["reasons"][0].split(":")[0] == DEFECTS[make], result["verdict"]


def test_times_that_contradict_each_other_by_more_than_the_clocks_are_an_error(imported: Imported):
    result = imported(another_clock(0.05))
    assert result["verdict"]["exit_code"] == 3
    assert "times contradict each other" in result["verdict"]["reasons"][0]


@pytest.mark.parametrize("error_s", [-0.1, 3601])
def test_an_error_of_clocks_is_limited(imported: Imported, error_s):
    with pytest.raises(ConfigError, match="clock_error must be between 0 and 3600 seconds"):
        imported(another_clock(error_s))


def test_an_exported_page_still_shows_what_was_left_out(tmp_path: Path):
    """The lines of its entries have the same time."""
    file = tmp_path / "log.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in left_out_of_a_page()))
    run = import_history(str(file), tmp_path / "runs", [])
    with file.open("w") as stream:
        export_lines(run, stream)
    again = judge(import_history(str(file), tmp_path / "again", []))
    assert again["verdict"]["reasons"][0].startswith("history-gap: 1 of ")


def test_deliveries_are_judged_in_a_load_that_reads_pages_and_no_store(imported: Imported):
    """It has a quiesce, but no audit."""
    rows = pages_alone()
    phases = [
        {"kind": "phase", "time": at, "phase": name} for at, name in ((0, "steady"), (7, "quiesce"))
    ]
    assert violated(imported([*rows, *phases])) == set()
    del rows[find(rows, kind="deliver", user="alice", message="m3")]
    assert violated(imported([*rows, *phases])) == {"undelivered", "wire-order"}
