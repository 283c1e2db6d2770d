"""Of members whose times are known, only what is certain about these times is judged."""

from collections.abc import Callable
from typing import Any

import pytest

from .lines import Rows, deliver, find, good
from .test_importing import NUMBERED, Imported, violated
from .unusual_histories import member


def comes_and_goes(**header: Any) -> Rows:
    """Dave is a member from 5.5 to 15.5 and from 20.5 on, of 30 seconds."""
    rows = [*good(30, **header), member("dave", time=5.5, until=15.5), member("dave", time=20.5)]
    return rows + [deliver(at, "dave") for at in range(1, 31) if 5 < at < 16 or at > 20]


def comes_and_goes_with_positions() -> Rows:
    """One connection is pushed what precedes the absence and what follows it."""
    return comes_and_goes(**NUMBERED)


def nothing_near_the_changes() -> Rows:
    """What was under way while Dave joined or left may not have reached them."""
    near = {f"m{at}" for at in (6, 12, 13, 14, 15, 21)}
    return [
        row
        for row in comes_and_goes()
        if row.get("user") != "dave" or row.get("message") not in near
    ]


def pushed_when_just_gone() -> Rows:
    return [*comes_and_goes(), deliver(16, "dave")]


def read_after_coming_back() -> Rows:
    """A system that shows members what was written before they came."""
    missed = [deliver(at, "dave", channel="history") for at in range(16, 21)]
    return [*comes_and_goes(), *({**row, "time": 22.0} for row in missed)]


def short_stay() -> Rows:
    """Dave's stay is shorter than a system may need to end it."""
    return [*good(20), member("dave", time=10, until=10.4), deliver(10, "dave")]


def spans_that_overlap() -> Rows:
    rows = [*good(30), member("dave", time=20), member("dave", time=5.5, until=25)]
    return rows + [deliver(at, "dave") for at in range(6, 31)]


CORRECT = (
    comes_and_goes,
    comes_and_goes_with_positions,
    nothing_near_the_changes,
    pushed_when_just_gone,
    read_after_coming_back,
    short_stay,
    spans_that_overlap,
)


@pytest.mark.parametrize("make", CORRECT, ids=lambda make: make.__name__)
def test_a_member_with_times_may_miss_what_was_sent_outside_of_these(imported: Imported, make):
    result = imported(make())
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]


def missed_after_joining() -> Rows:
    rows = comes_and_goes()
    del rows[find(rows, kind="deliver", user="dave", message="m8")]
    return rows


def skipped_after_coming_back() -> Rows:
    rows = comes_and_goes_with_positions()
    del rows[find(rows, kind="deliver", user="dave", message="m25")]
    return rows


def pushed_before_joining() -> Rows:
    return [*comes_and_goes(), deliver(3, "dave")]


def pushed_while_out() -> Rows:
    return [*comes_and_goes(), deliver(18, "dave")]


def pushed_after_leaving_for_good() -> Rows:
    return [*good(20), member("dave", until=9), deliver(12, "dave")]


def pushed_after_a_short_stay() -> Rows:
    return [*short_stay(), deliver(13, "dave")]


def dropped_while_out() -> Rows:
    """It reached a device that did not show it."""
    return [*comes_and_goes(), {**deliver(18, "dave"), "kind": "copy"}]


DEFECTS: dict[Callable[[], Rows], str] = {
    missed_after_joining: "undelivered",
    skipped_after_coming_back: "wire-order",
    pushed_before_joining: "misdelivery",
    pushed_while_out: "misdelivery",
    pushed_after_leaving_for_good: "misdelivery",
    pushed_after_a_short_stay: "misdelivery",
    dropped_while_out: "misdelivery",
}


@pytest.mark.parametrize("make", DEFECTS, ids=lambda make: make.__name__)
def test_a_member_with_times_is_owed_what_was_sent_in_these_and_nothing_else(
    imported: Imported, make
):
    result = imported(make())
    assert result["verdict"]["status"] == "fail"
    assert result["verdict"]["reasons"][0].split(":")[0] == DEFECTS[make], result["verdict"]


def test_clocks_that_differ_leave_more_undecided(imported: Imported):
    rows = [{"kind": "header", "clock_error": 4}, *pushed_while_out()]
    assert violated(imported(rows)) == set()
    rows = [{"kind": "header", "clock_error": 0.5}, *pushed_while_out()]
    assert violated(imported(rows)) == {"misdelivery"}


def test_a_message_that_was_never_sent_is_no_matter_of_members(imported: Imported):
    shown = {**deliver(18, "dave"), "message": "unknown"}
    del shown["position"]
    assert violated(imported([*comes_and_goes(), shown])) == {"phantom"}
