"""The order of messages in pages is judged, in both directions, and also without positions."""

import pytest

from .page_histories import (
    DISORDER,
    ORDER,
    SEQUENCE,
    SWAPPED,
    history,
    in_order,
    listing,
    newest_first,
    one_page,
    pages,
    single_messages,
)
from .test_importing import Imported, sentence, violated


@pytest.mark.parametrize("make", DISORDER, ids=lambda make: make.__name__)
def test_a_wrong_order_is_named_first(imported: Imported, make):
    result = imported(make())
    assert result["verdict"]["status"] == "fail", result["verdict"]
    assert result["verdict"]["reasons"][0].split(":")[0] == DISORDER[make], result["verdict"]


@pytest.mark.parametrize("make", ORDER, ids=lambda make: make.__name__)
def test_a_correct_order_passes(imported: Imported, make):
    result = imported(make())
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]


@pytest.mark.parametrize("make", [in_order, newest_first])
def test_pages_are_evidence_of_order(imported: Imported, make):
    """All messages are in pages, of which each has two neighbours at least."""
    result = imported(make())
    for check in ("sender-fifo", "realtime", "divergent-order"):
        assert next(c for c in result["checks"] if c["id"] == check)["verdict"] == "valid"


@pytest.mark.parametrize("make", [one_page, single_messages])
def test_pages_alone_may_say_nothing_about_order(imported: Imported, make):
    """One page shows its own direction only; single messages show none."""
    found = {check["id"]: check["verdict"] for check in imported(make())["checks"]}
    judged = "valid" if make is one_page else "unknown"
    assert (found["sender-fifo"], found["realtime"]) == (judged, judged)


def test_the_reason_of_a_missing_order_is_told(imported: Imported):
    rest = "no `read` shows whether it has the oldest or the newest message first."
    result = imported(single_messages())
    assert sentence(result, "sender-fifo").endswith(rest)
    assert sentence(result, "realtime") == f"Not judged: no line has the key `position`, and {rest}"


def test_the_witness_names_the_reader_of_the_page(imported: Imported):
    page = listing("bob", 30, "b1", "a1", "a2")
    result = imported(history(*SEQUENCE, *pages("a1", "b1", "a2", "b2", "a3", "c1"), page))
    assert sentence(result, "realtime") == (
        "1 of 45 messages with a position in a page was sent after the acknowledgement of a "
        "message that has a later position."
    )
    (check,) = (check for check in result["checks"] if check["id"] == "realtime")
    (witness,) = check["witnesses"]
    assert witness["sentence"] == (
        "A page that bob read has message b1 of bob in team before message a1 of alice in team, "
        "which had been acknowledged before the other was sent."
    )


def test_the_direction_is_that_of_most_pages(imported: Imported):
    """One page ascends, and all others have the newest message first."""
    rows = history(*SEQUENCE, *pages(*reversed(SWAPPED)), listing("bob", 30, "a1", "b1", "a2"))
    (check,) = (check for check in imported(rows)["checks"] if check["id"] == "sender-fifo")
    (witness,) = check["witnesses"]
    assert witness["sentence"] == (
        "A page that bob read has message a2 of alice in team before message a1, which had been "
        "acknowledged before the other was sent."
    )


def test_positions_of_a_page_in_disorder_are_named_alone(imported: Imported):
    entries = [{"message": message, "position": at} for at, message in ((1, "a1"), (3, "a2"))]
    page = listing("bob", 30, entries[1], entries[0], {"message": "b2", "position": 4})
    rows = history(*SEQUENCE, *pages("a1", "b1", "a2", "b2", "a3", "c1"), page)
    assert violated(imported(rows)) == {"history-order"}


def test_a_polling_history_is_not_asked_for_pushes(imported: Imported):
    """The positions of the system have no gaps."""
    entries = [{"message": row["message"], "position": at} for at, row in enumerate(SEQUENCE, 1)]
    result = imported(history(*SEQUENCE, *pages(*entries), capabilities=["server_seq"]))
    assert result["verdict"]["status"] == "pass", result["verdict"]
    assert "the channel `live`" in sentence(result, "wire-order")


@pytest.mark.parametrize("make", [*DISORDER, *ORDER], ids=lambda make: make.__name__)
def test_an_exported_history_keeps_the_order_of_its_pages(exported, make):
    before, again = exported(make())
    assert orders(again) == orders(before)


def orders(result):
    """Return what the checks of orders found."""
    checks = ("sender-fifo", "realtime", "causal", "divergent-order", "history-order")
    return {
        check["id"]: (check["verdict"], check["count"], check["examined"])
        for check in result["checks"]
        if check["id"] in checks
    }
