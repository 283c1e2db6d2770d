"""Which pages are examined, and what is said of those that are not sorted."""

import pytest

from gauntlet.core.history import Kind, PageFlag

from ..small_runs import SmallRun, ns, sentences


def page(run, user, entries, flags, at_s=20.0):
    """Let a user, or the audit (0), read a page after position 3."""
    known = {"conv": 1, "link": user, "peer": entries, "seq": 3, "sseq": 9}
    run.add(Kind.PAGE, at_s, **known, spare=flags)


@pytest.mark.parametrize(
    ("entries", "flags", "examined", "count"),
    [
        (2, 0, 1, 0),
        (2, PageFlag.LAST, 1, 0),
        (2, PageFlag.DISORDERED, 1, 1),
        (2, PageFlag.LAST | PageFlag.DISORDERED, 1, 1),
        # One entry is always sorted, but what the client saw counts.
        (1, PageFlag.LAST, 0, 0),
        (1, PageFlag.DISORDERED, 1, 1),
        (1, PageFlag.LAST | PageFlag.EARLIER, 1, 1),
        (0, PageFlag.LAST, 0, 0),
    ],
)
def test_a_page_with_several_entries_is_sorted(entries, flags, examined, count):
    run = SmallRun((1, 2))
    page(run, 2, entries, flags)
    found = run.verdict("history-order")
    assert (found.examined, found.count) == (examined, count)
    assert found.outcome == ("invalid" if count else "valid" if examined else "not-applicable")
    if not examined:
        assert found.sentence == "No page of history with several entries was read."


def test_the_witness_names_the_reader():
    run = SmallRun((1, 2))
    page(run, 2, 4, PageFlag.DISORDERED)
    page(run, 1, 4, PageFlag.LAST)
    page(run, 0, 5, PageFlag.DISORDERED, at_s=33)
    found = run.verdict("history-order")
    rest = "entries that are not in ascending order."
    assert sentences(found) == [
        f"u2 requested c1 after position 3 and received 4 {rest}",
        f"The audit requested c1 after position 3 and received 5 {rest}",
    ]
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(20), ns(33)]
    assert [witness.user for witness in found.witnesses] == [2, 0]
    assert (found.count, found.examined) == (2, 3)


def test_the_witness_says_that_a_page_begins_before_the_requested_position():
    run = SmallRun((1, 2))
    page(run, 2, 4, PageFlag.EARLIER | PageFlag.LAST)
    page(run, 1, 4, PageFlag.EARLIER | PageFlag.DISORDERED)
    received = "requested c1 after position 3 and received 4 entries"
    assert sentences(run.verdict("history-order")) == [
        f"u2 {received} of which the first is not behind that position.",
        f"u1 {received} that are not in ascending order.",
    ]


def test_pages_with_a_single_entry_are_left_out():
    run = SmallRun((1, 2))
    page(run, 2, 1, PageFlag.LAST)
    assert run.verdict("history-order").outcome == "not-applicable"
    page(run, 1, 2, PageFlag.LAST)
    found = run.verdict("history-order")
    assert (found.outcome, found.examined) == ("valid", 1)
