"""Stays in rooms: who holds them, who inherits, and when they are over."""

import pytest

from gauntlet.reference_server.services import room_presence as module
from gauntlet.reference_server.services.room_presence import RoomPresence
from gauntlet.reference_server.store.base import Present

OLD, NEW, OTHER = "e1|1-1", "e2|1-9", "e2|1-5"
GRACE_S = 10.0


@pytest.fixture
def presence():
    """Ann is in two rooms on her old connection."""
    known = RoomPresence()
    known.enter("r.x", "ann", OLD)
    known.enter("r.y", "ann", OLD)
    return known


def rooms(stays):
    """The rooms of stays."""
    return {stay.conv for stay in stays}


def test_an_exit_ends_one_stay(presence):
    """The other room goes on; until SQL knows, the stay is returned again."""
    [stay] = presence.exit("r.x", "ann", OLD)
    assert presence.exit("r.x", "ann", OLD) == [stay]
    presence.remove(stay)
    assert presence.exit("r.x", "ann", OLD) == []
    assert len(presence) == 1


def test_leaving_ends_all_stays_of_the_connection(presence):
    """And only of that one."""
    assert presence.leave("ann", OTHER) == []
    assert rooms(presence.leave("ann", OLD)) == {"r.x", "r.y"}


def test_a_second_device_keeps_the_stay(presence):
    """A user is there until his last device exits."""
    presence.enter("r.x", "ann", OTHER)
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_an_exit_on_a_new_connection_counts_for_the_old(presence):
    """The old one may be half open: the client knows best that it is gone."""
    assert rooms(presence.exit("r.x", "ann", NEW)) == {"r.x"}


def test_an_exit_that_is_told_again_lets_go_of_nothing(presence):
    """An edge repeats what was not answered in time: the other device is still there."""
    presence.enter("r.x", "ann", OTHER)
    for _ in range(3):
        assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_an_exit_that_is_told_again_ends_no_later_stay(presence):
    """The first one ended its own; the user is back on another connection."""
    [stay] = presence.exit("r.x", "ann", OLD)
    presence.remove(stay)
    presence.enter("r.x", "ann", NEW)
    assert presence.exit("r.x", "ann", OLD) == []


def test_an_heir_that_released_spoke_for_the_old_connection(presence):
    """What the old one had said, and is told late, is about no other device."""
    presence.enter("r.x", "ann", OTHER)
    assert presence.exit("r.x", "ann", NEW) == []
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_a_connection_that_enters_again_may_exit_again(presence):
    """What it had let go of is forgotten then."""
    presence.enter("r.x", "ann", OTHER)
    presence.exit("r.x", "ann", OLD)
    presence.enter("r.x", "ann", OLD)
    presence.replace("ann", OLD, NEW)
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", NEW)) == {"r.x"}


def test_only_the_last_that_released_are_find_cached(presence, monkeypatch):
    """What is told again is told again soon, and memory has an end."""
    monkeypatch.setattr(module, "RELEASES_KEPT", 3)
    for number in range(10):
        presence.exit("r.z", "bob", f"e1|1-{number}")
    assert [connection for _, connection in presence._released] == ["e1|1-7", "e1|1-8", "e1|1-9"]


def test_a_stay_that_sql_began_anew_is_another(presence):
    """The old one ended unheard of, with its holders; SQL names the new one by its first."""
    presence.enter("r.x", "ann", NEW, is_new=True)
    [stay] = presence.exit("r.x", "ann", NEW)
    assert stay.entered_by == NEW


def test_a_lost_connection_is_overdue_after_the_grace_only(presence):
    """Counted from the first word of it."""
    presence.mark_lost("ann", OLD, 100.0)
    presence.mark_lost("ann", OLD, 105.0)
    assert presence.overdue(109.9, GRACE_S) == {}
    assert presence.overdue(110.0, GRACE_S) == {OLD: "ann"}


def test_only_users_in_a_room_are_awaited(presence):
    """Only stays can end."""
    presence.mark_lost("bob", OTHER, 0.0)
    assert presence.overdue(1000.0, GRACE_S) == {}


def test_a_connection_whose_grace_still_runs_is_an_heir(presence):
    """Ann was back and broke again: her grace counts from her last loss, not from her first."""
    presence.mark_unleased({}, 0.0)
    presence.mark_lost("ann", NEW, 6.0)
    overdue = presence.overdue(10.0, GRACE_S)
    assert overdue == {OLD: "ann"}
    assert presence.successor("ann", (), overdue) == NEW
    assert presence.replace("ann", OLD, NEW) == []
    overdue = presence.overdue(16.0, GRACE_S)
    assert overdue == {NEW: "ann"}
    assert presence.successor("ann", (), overdue) is None
    assert rooms(presence.replace("ann", NEW, None)) == {"r.x", "r.y"}


def test_a_return_cancels_the_loss(presence):
    """The new connection inherits, and ends the stay in its turn."""
    presence.mark_lost("ann", OLD, 0.0)
    presence.reconnect("bob", OTHER)
    assert presence.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    presence.reconnect("ann", NEW)
    assert presence.overdue(GRACE_S, GRACE_S) == {}
    stays = presence.leave("ann", NEW)
    assert rooms(stays) == {"r.x", "r.y"}
    assert {stay.entered_by for stay in stays} == {OLD}


def test_without_an_heir_the_stays_are_over(presence):
    """The name under which SQL knows the stay is that of the connection that entered."""
    presence.mark_lost("ann", OLD, 0.0)
    stays = presence.replace("ann", OLD, presence.successor("ann", {OLD}, {OLD}))
    assert rooms(stays) == {"r.x", "r.y"}
    assert {stay.entered_by for stay in stays} == {OLD}
    # What could not be written is due again.
    assert presence.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    assert rooms(presence.replace("ann", OLD, None)) == {"r.x", "r.y"}
    for stay in stays:
        presence.remove(stay)
    presence.forget("ann", OLD)
    assert (len(presence), presence.overdue(GRACE_S, GRACE_S)) == (0, {})


def test_a_living_connection_is_the_heir(presence):
    """One that is lost itself is not."""
    presence.enter("r.z", "ann", OTHER)
    presence.mark_lost("ann", OLD, 0.0)
    presence.mark_lost("ann", OTHER, 0.0)
    assert presence.successor("ann", {OLD, OTHER}, {OLD, OTHER}) is None
    assert presence.successor("ann", {OLD, OTHER, NEW}, {OLD, OTHER}) == NEW
    assert presence.replace("ann", OLD, NEW) == []
    assert presence.overdue(GRACE_S, GRACE_S) == {OTHER: "ann"}


def test_holders_without_a_lease_are_counted_as_lost(presence):
    """So a dead edge that told nothing is noticed, and a live one left alone."""
    presence.enter("r.x", "bob", OTHER)
    presence.mark_unleased({"bob": {OTHER}}, 5.0)
    assert presence.overdue(5.0 + GRACE_S, GRACE_S) == {OLD: "ann"}


def test_a_lease_that_is_there_again_takes_the_doubt_back(presence):
    """Its edge could not renew it for a while; nobody had said that the connection broke."""
    presence.mark_unleased({}, 0.0)
    presence.confirm_leased({"ann": {OLD}})
    assert presence.overdue(1000.0, GRACE_S) == {}


def test_what_an_edge_has_told_is_no_doubt(presence):
    """The lease of a closed connection may linger; its grace begins when the edge tells."""
    presence.mark_unleased({}, 0.0)
    presence.mark_lost("ann", OLD, 5.0)
    presence.confirm_leased({"ann": {OLD}})
    assert presence.overdue(14.0, GRACE_S) == {}
    assert presence.overdue(15.0, GRACE_S) == {OLD: "ann"}


def test_a_restart_restores_what_sql_knows(presence):
    """Stays come back under their names."""
    restored = RoomPresence()
    restored.restore([Present("r.x", "ann", OLD)])
    [stay] = restored.exit("r.x", "ann", OLD)
    assert stay.entered_by == OLD
