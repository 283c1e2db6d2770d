"""Stays in rooms: who holds them, who inherits, and when they are over."""

import pytest

from gauntlet.reference_server.services import room_presence as module
from gauntlet.reference_server.services.room_presence import Attendance
from gauntlet.reference_server.store.base import Present

OLD, NEW, OTHER = "e1|1-1", "e2|1-9", "e2|1-5"
GRACE_S = 10.0


@pytest.fixture
def attendance():
    """Ann is in two rooms on her old connection."""
    known = Attendance()
    known.entered("r.x", "ann", OLD)
    known.entered("r.y", "ann", OLD)
    return known


def rooms(stays):
    """The rooms of stays."""
    return {stay.conv for stay in stays}


def test_an_exit_ends_one_stay(attendance):
    """The other room goes on; until SQL knows, the stay is returned again."""
    [stay] = attendance.exited("r.x", "ann", OLD)
    assert attendance.exited("r.x", "ann", OLD) == [stay]
    attendance.ended(stay)
    assert attendance.exited("r.x", "ann", OLD) == []
    assert len(attendance) == 1


def test_leaving_ends_all_stays_of_the_connection(attendance):
    """And only of that one."""
    assert attendance.left("ann", OTHER) == []
    assert rooms(attendance.left("ann", OLD)) == {"r.x", "r.y"}


def test_a_second_device_keeps_the_stay(attendance):
    """A user is there until his last device exits."""
    attendance.entered("r.x", "ann", OTHER)
    assert attendance.exited("r.x", "ann", OLD) == []
    assert rooms(attendance.exited("r.x", "ann", OTHER)) == {"r.x"}


def test_an_exit_on_a_new_connection_counts_for_the_old(attendance):
    """The old one may be half open: the client knows best that it is gone."""
    assert rooms(attendance.exited("r.x", "ann", NEW)) == {"r.x"}


def test_an_exit_that_is_told_again_lets_go_of_nothing(attendance):
    """An edge repeats what was not answered in time: the other device is still there."""
    attendance.entered("r.x", "ann", OTHER)
    for _ in range(3):
        assert attendance.exited("r.x", "ann", OLD) == []
    assert rooms(attendance.exited("r.x", "ann", OTHER)) == {"r.x"}


def test_an_exit_that_is_told_again_ends_no_later_stay(attendance):
    """The first one ended its own; the user is back on another connection."""
    [stay] = attendance.exited("r.x", "ann", OLD)
    attendance.ended(stay)
    attendance.entered("r.x", "ann", NEW)
    assert attendance.exited("r.x", "ann", OLD) == []


def test_an_heir_that_let_go_spoke_for_the_old_connection(attendance):
    """What the old one had said, and is told late, is about no other device."""
    attendance.entered("r.x", "ann", OTHER)
    assert attendance.exited("r.x", "ann", NEW) == []
    assert attendance.exited("r.x", "ann", OLD) == []
    assert rooms(attendance.exited("r.x", "ann", OTHER)) == {"r.x"}


def test_a_connection_that_enters_again_may_let_go_again(attendance):
    """What it had let go of is forgotten then."""
    attendance.entered("r.x", "ann", OTHER)
    attendance.exited("r.x", "ann", OLD)
    attendance.entered("r.x", "ann", OLD)
    attendance.replaced("ann", OLD, NEW)
    assert attendance.exited("r.x", "ann", OLD) == []
    assert rooms(attendance.exited("r.x", "ann", NEW)) == {"r.x"}


def test_only_the_last_that_let_go_are_remembered(attendance, monkeypatch):
    """What is told again is told again soon, and memory has an end."""
    monkeypatch.setattr(module, "LET_GO_MAX", 3)
    for number in range(10):
        attendance.exited("r.z", "bob", f"e1|1-{number}")
    assert [connection for _, connection in attendance._let_go] == ["e1|1-7", "e1|1-8", "e1|1-9"]


def test_a_stay_that_sql_began_anew_is_another(attendance):
    """The old one ended unheard of, with its holders; SQL names the new one by its first."""
    attendance.entered("r.x", "ann", NEW, anew=True)
    [stay] = attendance.exited("r.x", "ann", NEW)
    assert stay.entered_by == NEW


def test_a_lost_connection_is_overdue_after_the_grace_only(attendance):
    """Counted from the first word of it."""
    attendance.lost("ann", OLD, 100.0)
    attendance.lost("ann", OLD, 105.0)
    assert attendance.overdue(109.9, GRACE_S) == {}
    assert attendance.overdue(110.0, GRACE_S) == {OLD: "ann"}


def test_only_users_in_a_room_are_awaited(attendance):
    """Only stays can end."""
    attendance.lost("bob", OTHER, 0.0)
    assert attendance.overdue(1000.0, GRACE_S) == {}


def test_a_connection_whose_grace_still_runs_is_an_heir(attendance):
    """Ann was back and broke again: her grace counts from her last loss, not from her first."""
    attendance.unseen({}, 0.0)
    attendance.lost("ann", NEW, 6.0)
    overdue = attendance.overdue(10.0, GRACE_S)
    assert overdue == {OLD: "ann"}
    assert attendance.heir("ann", (), overdue) == NEW
    assert attendance.replaced("ann", OLD, NEW) == []
    overdue = attendance.overdue(16.0, GRACE_S)
    assert overdue == {NEW: "ann"}
    assert attendance.heir("ann", (), overdue) is None
    assert rooms(attendance.replaced("ann", NEW, None)) == {"r.x", "r.y"}


def test_a_return_cancels_the_loss(attendance):
    """The new connection inherits, and ends the stay in its turn."""
    attendance.lost("ann", OLD, 0.0)
    attendance.back("bob", OTHER)
    assert attendance.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    attendance.back("ann", NEW)
    assert attendance.overdue(GRACE_S, GRACE_S) == {}
    stays = attendance.left("ann", NEW)
    assert rooms(stays) == {"r.x", "r.y"}
    assert {stay.entered_by for stay in stays} == {OLD}


def test_without_an_heir_the_stays_are_over(attendance):
    """The name under which SQL knows the stay is that of the connection that entered."""
    attendance.lost("ann", OLD, 0.0)
    stays = attendance.replaced("ann", OLD, attendance.heir("ann", {OLD}, {OLD}))
    assert rooms(stays) == {"r.x", "r.y"}
    assert {stay.entered_by for stay in stays} == {OLD}
    # What could not be written is due again.
    assert attendance.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    assert rooms(attendance.replaced("ann", OLD, None)) == {"r.x", "r.y"}
    for stay in stays:
        attendance.ended(stay)
    attendance.forget("ann", OLD)
    assert (len(attendance), attendance.overdue(GRACE_S, GRACE_S)) == (0, {})


def test_a_living_connection_is_the_heir(attendance):
    """One that is lost itself is not."""
    attendance.entered("r.z", "ann", OTHER)
    attendance.lost("ann", OLD, 0.0)
    attendance.lost("ann", OTHER, 0.0)
    assert attendance.heir("ann", {OLD, OTHER}, {OLD, OTHER}) is None
    assert attendance.heir("ann", {OLD, OTHER, NEW}, {OLD, OTHER}) == NEW
    assert attendance.replaced("ann", OLD, NEW) == []
    assert attendance.overdue(GRACE_S, GRACE_S) == {OTHER: "ann"}


def test_holders_without_a_lease_are_counted_as_lost(attendance):
    """So a dead edge that told nothing is noticed, and a live one left alone."""
    attendance.entered("r.x", "bob", OTHER)
    attendance.unseen({"bob": {OTHER}}, 5.0)
    assert attendance.overdue(5.0 + GRACE_S, GRACE_S) == {OLD: "ann"}


def test_a_lease_that_is_there_again_takes_the_doubt_back(attendance):
    """Its edge could not renew it for a while; nobody had said that the connection broke."""
    attendance.unseen({}, 0.0)
    attendance.seen({"ann": {OLD}})
    assert attendance.overdue(1000.0, GRACE_S) == {}


def test_what_an_edge_has_told_is_no_doubt(attendance):
    """The lease of a closed connection may linger; its grace begins when the edge tells."""
    attendance.unseen({}, 0.0)
    attendance.lost("ann", OLD, 5.0)
    attendance.seen({"ann": {OLD}})
    assert attendance.overdue(14.0, GRACE_S) == {}
    assert attendance.overdue(15.0, GRACE_S) == {OLD: "ann"}


def test_a_restart_restores_what_sql_knows(attendance):
    """Stays come back under their names."""
    restored = Attendance()
    restored.restore([Present("r.x", "ann", OLD)])
    [stay] = restored.exited("r.x", "ann", OLD)
    assert stay.entered_by == OLD
