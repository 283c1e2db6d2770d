"""Findings of parts are added up."""

import numpy as np

from gauntlet.reports.checks.finding import Counted, Finding
from gauntlet.reports.history.messages import MissedArrivals
from gauntlet.reports.metrics.indicators.resync import Arrivals
from gauntlet.reports.metrics.overdue import SlowReturns
from gauntlet.reports.metrics.samples import collect
from gauntlet.reports.metrics.slow_sends import SlowSends
from gauntlet.reports.parts.columns import Columns
from gauntlet.reports.parts.merging import Tables, add_findings, add_sums


def finding(examined=1, count=0, **details):
    return Finding(examined, "messages", "{count} of {examined}.", count, **details)


def test_what_was_examined_and_counted_is_added_up():
    total = add_findings([finding(3, 1), finding(4), finding(5, 2)])
    assert (total.examined, total.count, total.describe()) == (12, 3, "3 of 12.")


def test_one_part_without_an_answer_leaves_the_whole_without_one():
    assert add_findings([finding(), finding(unknown="Not known.")]).why_unknown() == "Not known."


def test_a_check_applies_if_it_applies_to_one_part():
    absent = finding(0, not_applicable="No pages.")
    assert add_findings([absent, absent]).not_applicable == "No pages."
    assert add_findings([absent, finding()]).not_applicable == ""


def test_of_several_reasons_not_to_apply_the_one_about_most_things_is_told():
    absent = finding(0, not_applicable="No lists.")
    unsure = [finding(0, not_applicable="Unsure.", unexamined=count) for count in (2, 3)]
    for parts in ([absent, *unsure], [*unsure, absent]):
        total = add_findings(parts)
        assert (total.not_applicable, total.unexamined) == ("Unsure.", 5)


def test_a_part_to_which_a_check_does_not_apply_does_not_show_that_anything_is_seen():
    absent, blind = finding(0, not_applicable="No lists."), finding(nothing_seen="Nothing came.")
    assert add_findings([absent, blind]).why_unknown() == "Nothing came."


def test_nothing_is_seen_only_if_no_part_has_seen_anything():
    blind = finding(nothing_seen="Nothing came.")
    assert add_findings([blind, blind]).why_unknown() == "Nothing came."
    assert add_findings([finding(), blind]).why_unknown() == ""


def test_the_first_doubt_with_a_number_is_told_with_the_sum():
    def doubtful(gone, unread):
        return finding(doubts=(Counted("{count} gone.", gone), Counted("{count} unread.", unread)))

    assert add_findings([doubtful(0, 2), doubtful(0, 3)]).why_unknown() == "5 unread."
    assert add_findings([doubtful(0, 2), doubtful(1, 0)]).why_unknown() == "1 gone."


def test_an_aside_is_told_with_the_sum():
    parts = [finding(aside=Counted("{count} more.", count)) for count in (2, 3)]
    assert add_findings(parts).describe() == "0 of 2. 5 more."
    assert finding(aside=Counted("{count} more.", 0)).describe() == "0 of 1."


def test_times_are_known_if_every_part_with_violations_has_them():
    timed = finding(count=1, times_ns=np.array([5]))
    later = finding(count=1, times_ns=np.array([7]))
    assert add_findings([timed, finding(), later]).times_ns.tolist() == [5, 7]
    assert add_findings([timed, finding(count=1)]).times_ns is None


def test_counts_are_added_up_by_name_or_column():
    assert add_sums([{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == {"a": 4, "b": 6}
    assert add_sums([np.array([1, 2]), np.array([3, 4])]).tolist() == [4, 6]


def columns(intended_ns, acked_ns=None, arrivals=None):
    """Return the columns of a part with some ops, which were acknowledged after 7 ns."""
    times = np.array(intended_ns, dtype=np.int64)
    samples = collect(times, np.full_like(times, 7))
    slow = SlowSends(*[times] * 5, *[times > 0] * 2)
    missed = MissedArrivals(times, times, times)
    returns = SlowReturns(times, times, times, times > 0)
    kinds = [samples] * 4
    return Columns(*kinds, slow, returns, missed, acked_ns, arrivals, times)


def test_columns_are_joined_and_absent_ones_stay_absent():
    tables = Tables()
    tables.add(columns([5, 9]))
    tables.add(columns([7]))
    found = tables.joined()
    assert (found.acked_ns, found.arrivals) == (None, None)
    assert found.slow.ended_ns.tolist() == found.missed.missed_ns.tolist() == [5, 9, 7]
    assert found.returns.begun_ns.tolist() == [5, 9, 7]
    assert found.rooms.tolist() == [5, 9, 7]
    intended_ns, took_ms, _ = found.deliveries.rows()
    assert (intended_ns.tolist(), took_ms.tolist()) == ([5, 7, 9], [7e-6] * 3)


def test_tables_that_only_some_objectives_need_are_joined():
    tables = Tables()
    for t_ns in (5, 7):
        one = np.array([t_ns])
        tables.add(columns([t_ns], one, Arrivals(one, one, one > 5)))
    found = tables.joined()
    assert (found.acked_ns.tolist(), found.arrivals.live.tolist()) == ([5, 7], [False, True])
