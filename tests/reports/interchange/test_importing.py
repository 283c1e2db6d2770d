"""Histories of other systems: what is found in them, and what is unknown without its evidence."""

import codecs
import datetime as dt
import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.verdict.judge import judge

from .lines import USERS, Rows, deliver, find, good, read, send

NUMBERED = {"capabilities": ["server_seq", "self_echo", "heads"]}
Imported = Callable[[Rows], dict[str, Any]]


def outcome(result: dict[str, Any], check: str) -> str:
    return str(next(each["verdict"] for each in result["checks"] if each["id"] == check))


def violated(result: dict[str, Any]) -> set[str]:
    return {check["id"] for check in result["checks"] if check["verdict"] == "invalid"}


def sentence(result: dict[str, Any], check: str) -> str:
    return str(next(each["sentence"] for each in result["checks"] if each["id"] == check))


def witness(result: dict[str, Any], check: str) -> str:
    found = next(each for each in result["checks"] if each["id"] == check)
    return str(found["witnesses"][0]["sentence"])


@pytest.mark.parametrize("header", [{}, {"capabilities": ["self_echo"]}, NUMBERED])
def test_a_good_history_passes(imported: Imported, header):
    result = imported(good(**header))
    assert violated(result) == set()
    assert result["verdict"]["status"] == "pass", result["verdict"]
    assert outcome(result, "undelivered") == outcome(result, "lost-acked") == "valid"


def test_minimal_lines_suffice(imported: Imported):
    keys = ("kind", "time", "user", "conversation", "message")
    rows = [
        {key: row[key] for key in keys if key in row}
        for row in good()
        if row["kind"] in ("send", "deliver")
    ]
    result = imported(rows)
    assert violated(result) == set()
    assert outcome(result, "duplicate") == outcome(result, "phantom") == "valid"
    assert "`completed`" in sentence(result, "sender-fifo")
    assert "`member`" in sentence(result, "misdelivery")
    assert result["verdict"]["exit_code"] == 0
    imported([*rows, deliver(2, "bob")])
    assert violated(imported([*rows, rows[1]])) == {"duplicate"}


def test_a_lost_delivery_names_the_receiver_and_the_message(imported: Imported):
    rows = good()
    del rows[find(rows, kind="deliver", message="m3", user="carol")]
    result = imported(rows)
    assert "undelivered" in violated(result)
    assert result["verdict"]["exit_code"] == 1
    assert "carol never received message m3 of alice in team" in witness(result, "undelivered")


def test_a_read_is_a_delivery(imported: Imported):
    rows = good()
    del rows[find(rows, kind="deliver", message="m3", user="bob")]
    assert violated(imported(rows)) == set()


def test_a_message_that_the_last_read_does_not_have_is_lost(imported: Imported):
    rows = good()
    rows[-1]["messages"].remove("m4")
    result = imported(rows)
    assert violated(result) == {"lost-acked"}
    assert "message m4 of bob in team" in witness(result, "lost-acked")


def test_a_head_costs_no_memory_however_large_it_is(imported: Imported):
    rows = good(capabilities=["server_seq"])
    rows[-1] |= {"head": 4_000_000_000}
    tracemalloc.start()
    try:
        assert violated(imported(rows)) == {"history-gap"}
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000_000


def test_a_read_before_the_last_acknowledgement_proves_no_loss(imported: Imported):
    result = imported([*good(), send(20, "alice"), *(deliver(20, user) for user in USERS)])
    assert violated(result) == set()
    assert "no conversation was read completely" in sentence(result, "lost-acked")


def test_the_store_itself_is_evidence(imported: Imported):
    rows = good()[:-1]
    rows += [
        {"kind": "stored", "time": 20, "conversation": "team", "message": f"m{at}", "position": at}
        for at in (1, 2, 3, 5, 6)
    ]
    rows.append({"kind": "audited", "time": 21, "conversation": "team"})
    assert violated(imported(rows)) == {"lost-acked"}


def test_swapped_deliveries_of_one_sender_are_out_of_order(imported: Imported):
    rows = good()
    first = rows[find(rows, kind="deliver", message="m1", user="carol")]
    first["time"] = 4.3
    assert {"sender-fifo"} <= violated(imported(rows))


def test_receivers_that_disagree_are_a_divergent_order(imported: Imported):
    rows = good(capabilities=["self_echo"])
    rows += [send(20, "alice"), send(21, "bob", time=20.01, completed=20.2)]
    rows[-2]["completed"] = 20.2
    rows[find(rows, kind="read")]["messages"] += ["m20", "m21"]
    rows[find(rows, kind="read")]["time"] = 30.0
    for user, times in {"alice": (20.3, 20.4), "bob": (20.3, 20.4), "carol": (20.4, 20.3)}.items():
        rows += [deliver(20, user, time=times[0]), deliver(21, user, time=times[1])]
    assert violated(imported(rows)) == {"divergent-order"}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"body": "text 4 with a change"}, "phantom"),
        ({"sender": "mallory"}, "phantom"),
        ({"message": "m99"}, "phantom"),
        ({"position": 5}, "position"),
    ],
)
def test_a_changed_delivery_is_found(imported: Imported, change, check):
    rows = good()
    rows[find(rows, kind="deliver", message="m4", user="carol")].update(change)
    assert check in violated(imported(rows))


@pytest.mark.parametrize("kind", ["deliver", "read"])
def test_a_copy_with_another_author_is_one_defect_without_positions_too(imported: Imported, kind):
    rows = good()
    for row in rows:
        row.pop("position", None)
    if kind == "deliver":
        rows[find(rows, kind="deliver", message="m4", user="carol")]["sender"] = "alice"
    else:
        rows[-1]["messages"][3] = {"message": "m4", "sender": "alice"}
        del rows[-1]["user"]
    result = imported(rows)
    assert violated(result) == {"phantom"}
    who = "carol received" if kind == "deliver" else "the audit found"
    expected = f"In team {who} message m4 of bob in team as one of another author."
    assert witness(result, "phantom") == expected


def test_a_delivery_to_a_stranger_is_a_misdelivery(imported: Imported):
    result = imported([*good(), deliver(3, "mallory")])
    assert violated(result) == {"misdelivery"}
    assert "mallory" in witness(result, "misdelivery")


def test_positions_with_gaps_have_an_order(imported: Imported):
    rows = good()
    for row in rows:
        if "position" in row:
            row["position"] = 7_000_000_000_000 + row["position"] * 1_000
    assert violated(imported(rows)) == set()
    for row in rows:
        if row.get("message") == "m2":
            row["position"] = 7_000_000_000_000 + 5_500
    assert violated(imported(rows)) >= {"realtime"}


def test_a_page_in_disorder_is_found(imported: Imported):
    rows = good(**NUMBERED)
    rows[-1]["messages"] = ["m1", "m3", "m2", "m4", "m5", "m6"]
    assert violated(imported(rows)) == {"history-order"}


def test_a_push_that_skips_a_position_is_found(imported: Imported):
    rows = good(**NUMBERED)
    del rows[find(rows, kind="deliver", message="m3", user="carol")]
    assert {"wire-order", "undelivered"} <= violated(imported(rows))


def test_what_a_device_misses_is_due_when_it_returns(imported: Imported):
    rows = [
        *good(),
        *({"kind": "connect", "time": 0.5, "user": user} for user in USERS),
        {"kind": "disconnect", "time": 2.5, "user": "carol"},
        {"kind": "connect", "time": 3.7, "user": "carol"},
    ]
    rows.sort(key=lambda row: row.get("time", 0))
    at = find(rows, kind="deliver", message="m3", user="carol")
    rows[at]["time"], rows[at]["channel"] = 3.9, "resync"
    rows.sort(key=lambda row: row.get("time", 0))
    assert violated(imported(rows)) == set()
    del rows[find(rows, kind="deliver", message="m3", user="carol")]
    assert violated(imported(rows)) == {"undelivered"}


def test_nothing_is_expected_of_a_device_that_left_and_much_of_it_before(imported: Imported):
    rows = good(12)
    for at in range(10, 13):
        del rows[find(rows, kind="deliver", message=f"m{at}", user="carol")]
    assert violated(imported(rows)) == {"undelivered"}
    rows.append({"kind": "disconnect", "time": 9.5, "user": "carol"})
    assert violated(imported(rows)) == set()
    del rows[find(rows, kind="deliver", message="m3", user="carol")]
    assert violated(imported(rows)) == {"undelivered"}


def test_a_member_who_joins_late_is_owed_what_was_certainly_sent_later(imported: Imported):
    joined = {"kind": "member", "user": "dave", "conversation": "team"}
    rows = [*good(), deliver(5, "dave")]
    assert violated(imported([*rows, {**joined, "time": 5.5}])) == set()
    assert violated(imported([*rows, {**joined, "time": 3.5}])) == {"undelivered"}


def test_a_member_from_a_position_on_is_judged(imported: Imported):
    rows = good(**NUMBERED)
    rows.append({"kind": "member", "user": "dave", "conversation": "team", "first": 5})
    rows.append(deliver(5, "dave"))
    result = imported(rows)
    assert violated(result) == {"undelivered"}
    assert "dave never received message m6" in witness(result, "undelivered")
    assert "misdelivery" in violated(imported([*rows, deliver(2, "dave")]))


def test_a_fault_delays_the_deadline_of_deliveries(imported: Imported):
    rows = good(delivery_deadline=1.0)
    rows[find(rows, kind="deliver", message="m3", user="carol")]["time"] = 8.0
    rows[-1]["time"] = 20.0
    assert "undelivered" in violated(imported(rows))
    rows.append({"kind": "fault", "fault": "edge-down", "time": 2.9, "until": 7.5})
    result = imported(rows)
    assert "undelivered" not in violated(result)
    assert [fault["id"] for fault in result["faults"]] == ["edge-down"]


@pytest.mark.parametrize(
    ("proof", "status"),
    [({}, "pass"), ({"proof": {"pid": 7}}, "pass"), ({"proof": {}}, "inconclusive")],
)
def test_a_line_proves_its_fault_unless_it_says_otherwise(imported: Imported, proof, status):
    fault = {"kind": "fault", "fault": "kill", "type": "kill", "time": 5.0, "until": 6.0, **proof}
    result = imported([*good(40), fault])
    assert result["verdict"]["status"] == status, result["verdict"]


def test_the_header_requires_what_is_unknown(imported: Imported):
    result = imported([{"kind": "header", "require": ["lost-acked"]}, *good()[:-1]])
    assert result["verdict"]["exit_code"] == 5
    assert "complete: true" in result["verdict"]["reasons"][0]


def test_what_the_header_excludes_is_not_judged(imported: Imported):
    header = {"kind": "header", "unjudged": {"phantom": "bob's sends were not recorded"}}
    result = imported([header, *(row for row in good() if row != send(4, "bob"))])
    assert sentence(result, "phantom") == "Not judged: bob's sends were not recorded."


def test_without_evidence_a_history_is_inconclusive(imported: Imported):
    result = imported([{"kind": "member", "user": "bob", "conversation": "team"}])
    assert result["verdict"]["exit_code"] == 5


def test_all_forms_of_time_give_the_same_verdict(imported: Imported):
    def shifted(factor: int, unit: type = int, base: int = 1_790_000_000) -> Rows:
        rows = good()
        del rows[find(rows, kind="deliver", message="m3", user="carol")]
        for row in rows:
            for key in ("time", "completed"):
                if key in row:
                    row[key] = unit((base + row[key]) * factor)
        return rows

    def rfc(seconds: float) -> str:
        return f"2026-05-04T09:00:{seconds:06.3f}+02:00"

    text = shifted(1, float, 0)
    for row in text:
        row.update({key: rfc(row[key]) for key in ("time", "completed") if key in row})
    ms = [{"kind": "header", "time": "ms"}, *shifted(1000, base=0)]
    histories = [shifted(1, float), shifted(1000), shifted(10**6), shifted(10**9), text, ms]
    results = [imported(rows) for rows in histories]
    assert [violated(result) for result in results] == [{"undelivered"}] * 6
    assert {result["run"]["duration_s"] for result in results} == {10.0}


def test_the_order_of_lines_does_not_matter(imported: Imported):
    assert violated(imported(list(reversed(good())))) == set()


DECLARED = {"capabilities": ["server_seq", "rooms", "attendance"]}


def entered(**more):
    """Return the lines of a room in which bob is, and of which the list is read."""
    rows = good(40, **DECLARED)
    for row in rows:
        if "position" in row:
            row["position"] += 1
    event = {"kind": "event", "time": 0.5, "conversation": "team", "position": 1}
    rows += [{**event, "event": "entered", "subject": "bob", "user": user} for user in USERS]
    known = {"kind": "attendance", "conversation": "team", "subject": "bob", "present": True}
    rows += [{**known, "time": at, **more} for at in (10, 11)]
    return rows


def test_a_list_of_who_is_in_a_room_is_judged(imported: Imported):
    assert outcome(imported(entered()), "attendance-stale") == "valid"
    assert outcome(imported(entered(present=False)), "attendance-stale") == "invalid"


def test_an_answer_takes_as_long_as_its_line_says(imported: Imported):
    """Who entered 4.9 s before the request need not be listed."""
    found = imported(entered(present=False, requested=5.4))
    assert outcome(found, "attendance-stale") == "not-applicable"


def test_a_lost_connection_excuses_that_a_user_is_not_listed(imported: Imported):
    lost = {"user": "bob", "device": "main"}
    header, *rows = entered(present=False)
    rows.append({"kind": "disconnect", "time": 8, **lost})
    rows.append({"kind": "connect", "time": 8.01, **lost})
    rows = [header, *sorted(rows, key=lambda row: row.get("time", 0))]
    assert outcome(imported(rows), "attendance-stale") == "not-applicable"


def attempt(**more):
    """Return a good history in which dave, who is no member, tries something."""
    known = {"kind": "attempt", "time": 3.5, "user": "dave", "conversation": "team"}
    return [*good(), {**known, "tried": "history", "outcome": "refused", **more}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "valid"),
        ({"outcome": "granted", "obtained": 3}, "invalid"),
        ({"tried": "head", "outcome": "granted", "obtained": 3}, "invalid"),
        ({"tried": "send", "outcome": "unknown", "message": "x"}, "unknown"),
        ({"user": None}, "valid"),
    ],
)
def test_attempts_of_strangers_are_judged(imported: Imported, more, expected):
    assert outcome(imported(attempt(**more)), "access") == expected


CONTACT = {"kind": "contact", "account": "ann", "other": "dan", "did": "request"}


@pytest.mark.parametrize(("lists", "expected"), [(["incoming"], "valid"), ([], "invalid")])
def test_lists_of_contacts_are_judged(imported: Imported, lists, expected):
    asked = {**CONTACT, "time": 3, "outcome": "granted"}
    shown = {"kind": "contact_list", "account": "dan", "other": "ann", "time": 4, "lists": lists}
    found = imported([*good(), asked, shown])
    assert outcome(found, "contacts") == expected
    if expected == "invalid":
        assert sentence(found, "contacts").startswith("1 of 1 answers about contacts is wrong.")


def test_accounts_of_contacts_are_no_users(imported: Imported):
    found = imported([*good(), {**CONTACT, "time": 3, "outcome": "granted"}])
    assert found["counts"]["users"] == imported(good())["counts"]["users"]
    assert outcome(found, "contacts") == "not-applicable"


@pytest.mark.parametrize("first", [True, False])
def test_a_refused_message_of_a_stranger_must_not_be_stored(imported: Imported, first):
    """The line of the attempt may come before that of the message, or after it."""
    rows = attempt(tried="send", message="x")
    stored = {"kind": "deliver", "time": 4.5, "user": "bob", "conversation": "team", "message": "x"}
    rows.insert(0 if first else len(rows), {**stored, "sender": "dave"})
    found = imported(rows)
    assert violated(found) == {"access"}
    assert "A message that dave sent to team as a stranger exists" in witness(found, "access")


def test_gzip_is_recognised(tmp_path: Path):
    file = tmp_path / "history.log"
    file.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in good()).encode()))
    assert judge(import_history(str(file), tmp_path / "runs", []))["verdict"]["exit_code"] == 0


def test_the_mark_of_utf_8_is_ignored(tmp_path: Path):
    file = tmp_path / "history.log"
    lines = "\r\n".join(json.dumps(row) for row in good(**NUMBERED))
    file.write_bytes(codecs.BOM_UTF8 + lines.encode())
    assert judge(import_history(str(file), tmp_path / "runs", []))["verdict"]["exit_code"] == 0


def test_a_file_in_utf_16_is_refused(tmp_path: Path):
    file = tmp_path / "history.log"
    file.write_text(json.dumps(good()[0]), encoding="utf-16")
    with pytest.raises(ConfigError, match=r"history.log must be text in UTF-8; got UTF-16"):
        import_history(str(file), tmp_path / "runs", [])


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="--out must be a folder that can be written to"):
        import_history("-", tmp_path / "taken", [])


def test_closed_standard_input_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ConfigError, match="needs standard input"):
        import_history("-", tmp_path, [])


def test_times_may_have_small_letters(imported: Imported):
    rows = good()
    for row in rows:
        for key in row.keys() & {"time", "completed"}:
            moment = dt.datetime.fromtimestamp(1.8e9 + row[key], dt.UTC)
            row[key] = moment.isoformat(timespec="milliseconds").replace("+00:00", "z").lower()
    assert imported(rows)["verdict"]["status"] == "pass"


def test_a_leap_second_is_a_time(imported: Imported):
    """RFC 3339 allows it; it is read as the second that follows."""
    rows = good()
    for row in rows:
        for key in row.keys() & {"time", "completed"}:
            moment = dt.datetime(2016, 12, 31, 23, 59, 58, tzinfo=dt.UTC)
            moment += dt.timedelta(seconds=row[key])
            row[key] = moment.isoformat(timespec="milliseconds")
            row[key] = row[key].replace("2017-01-01T00:00:00", "2016-12-31T23:59:60")
    assert any(":60." in str(row.get("time")) for row in rows)
    assert imported(rows)["verdict"]["status"] == "pass"


LINE = '{"kind":"send","time":1,"user":"a","conversation":"c","message":"m"'
ATTEMPT = LINE.replace("send", "attempt").replace(',"message":"m"', "")
ATTEMPT += ',"tried":"send","outcome":"refused"'
READ = '{"kind":"read","time":2,"conversation":"c","messages":[]'
SEQ = '{"kind":"header","capabilities":["server_seq"]}\n'
BAD = {
    '{"kind":"send","note":' + "[" * 100_000: "1: a line must not be nested that deeply; got {",
    "5": "1: a line must be a JSON object; got 5",
    '{"kind": "send", "time": NaN}': "1: a line must be a JSON object: JSON is malformed",
    "\x00\x1b[31m": "1: a line must be a JSON object: JSON is malformed",
    LINE + r',"note":"\ud83d"}': r"1: a line must not have half of a surrogate pair; got \ud83d",
    LINE + r',"note":"\ud83da"}': r"1: a line must not have half of a surrogate pair; got \ud83d",
    LINE + r',"note":"a\uDC00"}': r"1: a line must not have half of a surrogate pair; got \uDC00",
    LINE + r',"note":"\ud83d\ude00\ude00"}': r"half of a surrogate pair; got \ude00",
    LINE + r',"note":"\ud83d\ude00}': "1: a line must be a JSON object: Input data was truncated",
    '{"time": 1}': "1: kind must be one of header, send, ack",
    '{"kind": "sent"}': "1: kind must be one of header, send, ack",
    LINE.replace('"user":"a",', "") + "}": "1: a line of the kind send must have the key user",
    LINE + ',"positon":1}': "1: a line of the kind send must have no key positon; it can have",
    LINE.replace('"a"', "[]") + "}": "1: user is wrong: expected int | str, got array; got []",
    LINE.replace('"time":1', '"time":-1') + "}": "1: time must be between 0 and the year 2116",
    LINE.replace('"time":1', '"time":1e300') + "}": "1: time must be between 0 and the year 2116",
    LINE.replace('"time":1', '"time":' + "9" * 5000) + "}": "1: time must be a number of at most",
    LINE.replace('"time":1', '"time":"noon"') + "}": "1: time must be an RFC 3339 time; got 'noon'",
    LINE + ',"completed":0.5}': "1: completed must not be before time; got 0.5",
    LINE + ',"position":-5,"completed":2}': "1: position must be between 0 and",
    LINE + "}\n" + LINE.replace('"a"', '"b"') + "}": "2: message must be an id that only one user",
    LINE + '}\n{"kind":"header"}': "2: the header must be the first line",
    '{"kind":"header","require":["x"]}\n' + LINE + "}": "1: require must name checks (lost-acked",
    '{"kind":"header","capabilities":["x"]}': "1: capabilities must be some of server_seq",
    '{"kind":"gap","time":1,"user":"a","conversation":"c","first":1,"last":2}': "1: first needs a",
    LINE + "}\n" + ATTEMPT + ',"message":"m"}': "2: message must not be that of a `send`; got 'm'",
    ATTEMPT + ',"message":"m"}\n' + LINE + "}": "2: message must not be that of an `attempt`; got",
    ATTEMPT + ',"requested":1.1}': "1: requested must not be after time; got 1.1",
    ATTEMPT + ',"obtained":-1}': "1: obtained must be a number of entries; got -1",
    '{"kind":"header","traits":{"delete":true}}': "1: traits must have no key delete",
    '{"kind":"header","traits":{"retention":{"n":1}}}': "1: traits.retention must have no key n",
    LINE.replace('"time":1', '"time":"2026-05-04"') + "}": "1: time must be an RFC 3339 time; got",
    '{"kind":"fault","time":1,"fault":"A b"}': "1: fault must have 1 to 64 lower-case letters",
    '{"kind":"fault","time":2,"until":1,"fault":"a"}': "1: until must not be before time; got 1",
    '{"kind":"fault","time":2,"fault":"a","recover_within":-1}': "1: recover_within must be a dur",
    '{"kind":"fault","time":2,"fault":"a","recover_within":1e300}': "1: recover_within must be at",
    '{"kind":"member","time":2,"until":1,"user":"a","conversation":"c"}': "1: until must not be",
    '{"kind":"connect","time":2,"dialled":3,"user":"a"}': "1: dialled must not be after time",
    json.dumps({**CONTACT, "time": 1, "outcome": "granted", "other": "ann"}): "1: other must not",
    json.dumps({**CONTACT, "time": 1, "outcome": "yes"}): "1: outcome is wrong",
    READ + ',"requested":3}': "1: requested must not be after time; got 3",
    SEQ
    + '{"kind":"gap","time":1,"user":"a","conversation":"c","first":2,"last":1}': "2: last must",
    SEQ + '{"kind":"member","user":"a","conversation":"c","first":2,"last":1}': "2: last must not",
    '{"format":"gauntlet-history"}': '1: kind is missing; a header must have "kind": "header"',
    '{"traits":{}}': '1: kind is missing; a header must have "kind": "header"',
    '{"kind":["send"]}': "1: kind must be one of header, send, ack",
    '{"kind":{}}': "1: kind must be one of header, send, ack",
    '{"kind":"header","delivery_deadline":-1}': "1: delivery_deadline must be a duration of zero",
    '{"kind":"header","recovery_window":1e300}': "1: recovery_window must be at most 720h; got",
    '{"kind":"header","traits":{"retention":{"count":-1}}}': "traits.retention.count must be zero",
    '{"kind":"header","traits":{"retention":{"age_s":-1}}}': "traits.retention.age_s must be zero",
    LINE.replace('"time":1', '"time":"1512085950.0002"') + "}": "time must be a number without quo",
    LINE + "}\n" + LINE.replace('"time":1', '"time":"2"') + "}": "2: time must be a number without",
    "": "history.jsonl must have at least one line; got none",
}


@pytest.mark.parametrize(("text", "sentence"), BAD.items(), ids=range(len(BAD)))
def test_a_bad_line_is_named(tmp_path: Path, text, sentence):
    file = tmp_path / "history.jsonl"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        import_history(str(file), tmp_path / "runs", [])
    assert sentence in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 600
    assert not list((tmp_path / "runs").iterdir())


def test_only_some_bad_lines_are_shown(tmp_path: Path):
    file = tmp_path / "history.jsonl"
    file.write_text("{}\n" * 1000)
    with pytest.raises(ConfigError) as raised:
        import_history(str(file), tmp_path / "runs", [])
    assert str(raised.value).splitlines()[-1] == "reading stopped after 10 bad lines"
    assert len(str(raised.value).splitlines()) == 11


def test_a_very_long_line_is_refused(tmp_path: Path):
    file = tmp_path / "history.jsonl"
    file.write_bytes(b'{"kind":"send","note":"' + b"x" * (17 << 20))
    with pytest.raises(ConfigError, match="a line must have at most 16 MiB"):
        import_history(str(file), tmp_path / "runs", [])


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: raw[:-8] + b"x" * 8])
def test_damaged_gzip_is_an_error(tmp_path: Path, damage):
    file = tmp_path / "history.jsonl.gz"
    file.write_bytes(damage(gzip.compress("\n".join(map(json.dumps, good())).encode())))
    with pytest.raises(ConfigError, match="cannot be read after line"):
        import_history(str(file), tmp_path / "runs", [])


def test_control_characters_of_names_are_not_displayed(imported: Imported):
    rows = json.loads(json.dumps(good()).replace("carol", r"c\u001b[31m\ufffe"))
    del rows[find(rows, kind="deliver", message="m3", user="c\x1b[31m\ufffe")]
    assert "c�[31m� never received" in witness(imported(rows), "undelivered")


def test_reads_by_users_are_not_duplicates(imported: Imported):
    rows = good()
    rows += [read(7.5, ["m1", "m2", "m3"], "carol", complete=False)] * 2
    assert violated(imported(rows)) == set()


def test_an_event_is_shown_again_only_on_a_new_connection(imported: Imported):
    event = {
        "kind": "event", "conversation": "team", "position": 7, "event": "added",
        "subject": "dave", "user": "bob",
    }  # fmt: skip
    first, again = {**event, "time": 12.0}, {**event, "time": 13.0}
    result = imported([*good(**NUMBERED), first, again])
    assert violated(result) == {"wire-order"}
    assert "pushed the event at position 7 again in team" in witness(result, "wire-order")
    reconnect = {"kind": "connect", "time": 12.5, "user": "bob"}
    assert violated(imported([*good(**NUMBERED), first, reconnect, again])) == set()
