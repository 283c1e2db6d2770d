"""The sequence diagram draws each event at its lane, and long texts are cut."""

from gauntlet.reports.render import sequence


def event(kind, client, at_s=1.0, *, wrong=False, text="x"):
    """Return an event of a slice."""
    return {"at_s": at_s, "event": kind, "client": client, "text": text, "wrong": wrong}


def drawn(*events, clients=("a", "b")):
    """Return the layout of a slice with these events."""
    return sequence.layout({"clients": list(clients), "events": list(events), "omitted": 0})


def test_a_send_goes_to_the_server_and_a_delivery_comes_from_it():
    diagram = drawn(event("send", 0), event("delivery", 1))
    a, b, server = (lane["x"] for lane in diagram["lanes"])
    send, delivery = diagram["rows"]
    assert (send["x1"], send["x2"] + 1) == (a, server)
    assert (delivery["x1"], delivery["x2"] - 1) == (server, b)
    assert send["y"] < delivery["y"]


def test_the_audit_has_a_lane_only_if_it_takes_part():
    assert [lane["name"] for lane in drawn(event("send", 0))["lanes"]] == ["a", "b", "server"]
    diagram = drawn(event("audit", None))
    assert diagram["lanes"][-1]["name"] == "audit"
    assert diagram["rows"][0]["x2"] + 1 == diagram["lanes"][-1]["x"]


def test_what_is_missing_ends_before_it_arrives():
    (row,) = drawn(event("missing", 0, wrong=True))["rows"]
    assert (row["shape"], row["tone"]) == ("failed", "wrong")


def test_a_fault_is_a_band_from_its_begin_to_its_end():
    begin, end = "fault f (kill x) takes effect", "fault f (kill x) is healed"
    diagram = drawn(
        event("fault-begin", None, text=begin), event("send", 0), event("fault-end", None, text=end)
    )
    (band,) = diagram["bands"]
    assert band["y"] == diagram["rows"][0]["y"]
    assert band["y"] + band["height"] == diagram["rows"][2]["y"]


def test_long_names_and_texts_are_cut():
    diagram = drawn(event("send", 0, text="t" * 500), clients=("n" * 99,))
    assert len(diagram["lanes"][0]["name"]) < 20
    assert diagram["rows"][0]["text"].endswith("…")
    assert diagram["rows"][0]["full"] == "t" * 500
