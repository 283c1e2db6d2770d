"""Stays in rooms: their connections, successors and ends."""

import pytest

from gauntlet.reference_server.services import room_presence as module
from gauntlet.reference_server.services.room_presence import RoomPresence
from gauntlet.reference_server.store.base import Present

OLD, NEW, OTHER = "e1|1-1", "e2|1-9", "e2|1-5"
GRACE_S = 10.0


@pytest.fixture
def presence():
    """Ann is in two rooms on her old connection."""
    room_presence = RoomPresence()
    room_presence.enter("r.x", "ann", OLD)
    room_presence.enter("r.y", "ann", OLD)
    return room_presence


def rooms(entries):
    """Return the rooms of entries."""
    return {entry.conv for entry in entries}


def test_an_exit_ends_the_stay_in_its_room_only(presence):
    """Until SQL has stored the end, the entry is returned again."""
    [entry] = presence.exit("r.x", "ann", OLD)
    assert presence.exit("r.x", "ann", OLD) == [entry]
    presence.remove(entry)
    assert presence.exit("r.x", "ann", OLD) == []
    assert len(presence) == 1


def test_leaving_ends_all_stays_of_that_connection_only(presence):
    assert presence.leave("ann", OTHER) == []
    assert rooms(presence.leave("ann", OLD)) == {"r.x", "r.y"}


def test_a_stay_lasts_until_the_last_device_exits(presence):
    presence.enter("r.x", "ann", OTHER)
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_an_exit_on_a_new_connection_releases_the_old_one(presence):
    """The old connection may be half-open: the client knows that it is gone."""
    assert rooms(presence.exit("r.x", "ann", NEW)) == {"r.x"}


def test_a_repeated_exit_releases_no_other_connection(presence):
    """An edge repeats reports that were not answered in time."""
    presence.enter("r.x", "ann", OTHER)
    for _ in range(3):
        assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_a_repeated_exit_does_not_end_a_later_stay(presence):
    [entry] = presence.exit("r.x", "ann", OLD)
    presence.remove(entry)
    presence.enter("r.x", "ann", NEW)
    assert presence.exit("r.x", "ann", OLD) == []


def test_a_late_exit_of_a_succeeded_connection_releases_no_other_device(presence):
    presence.enter("r.x", "ann", OTHER)
    assert presence.exit("r.x", "ann", NEW) == []
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", OTHER)) == {"r.x"}


def test_a_connection_that_enters_again_may_exit_again(presence):
    presence.enter("r.x", "ann", OTHER)
    presence.exit("r.x", "ann", OLD)
    presence.enter("r.x", "ann", OLD)
    presence.replace("ann", OLD, [NEW])
    assert presence.exit("r.x", "ann", OLD) == []
    assert rooms(presence.exit("r.x", "ann", NEW)) == {"r.x"}


def test_only_the_most_recent_exits_are_kept(presence, monkeypatch):
    """Repeated reports arrive soon, and the memory use is bounded."""
    monkeypatch.setattr(module, "RELEASES_KEPT", 3)
    for number in range(10):
        presence.exit("r.z", "bob", f"e1|1-{number}")
    assert [connection for _, connection in presence._released] == ["e1|1-7", "e1|1-8", "e1|1-9"]


def test_a_new_stay_in_sql_replaces_an_outdated_entry(presence):
    """SQL identifies the new stay by its first connection."""
    presence.enter("r.x", "ann", NEW, is_new=True)
    [entry] = presence.exit("r.x", "ann", NEW)
    assert entry.entered_by == NEW


def test_a_lost_connection_is_overdue_after_the_grace_period(presence):
    """The grace period counts from the first report."""
    presence.mark_lost("ann", OLD, 100.0)
    presence.mark_lost("ann", OLD, 105.0)
    assert presence.overdue(109.9, GRACE_S) == {}
    assert presence.overdue(110.0, GRACE_S) == {OLD: "ann"}


def test_lost_connections_of_users_outside_rooms_are_ignored(presence):
    presence.mark_lost("bob", OTHER, 0.0)
    assert presence.overdue(1000.0, GRACE_S) == {}


def test_a_connection_within_its_grace_period_is_a_successor(presence):
    """Ann reconnected and was lost again: her grace period counts from the last loss."""
    presence.mark_unleased({}, 0.0)
    presence.mark_lost("ann", NEW, 6.0)
    overdue = presence.overdue(10.0, GRACE_S)
    assert overdue == {OLD: "ann"}
    assert presence.successors("ann", (), overdue) == [NEW]
    assert presence.replace("ann", OLD, [NEW]) == []
    overdue = presence.overdue(16.0, GRACE_S)
    assert overdue == {NEW: "ann"}
    assert presence.successors("ann", (), overdue) == []
    assert rooms(presence.replace("ann", NEW, [])) == {"r.x", "r.y"}


def test_a_reconnect_replaces_the_lost_connections_of_its_user(presence):
    presence.mark_lost("ann", OLD, 0.0)
    presence.reconnect("bob", OTHER)
    assert presence.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    presence.reconnect("ann", NEW)
    assert presence.overdue(GRACE_S, GRACE_S) == {}
    entries = presence.leave("ann", NEW)
    assert rooms(entries) == {"r.x", "r.y"}
    assert {entry.entered_by for entry in entries} == {OLD}


def test_stays_end_if_there_is_no_successor(presence):
    """SQL identifies the entry by the connection that entered."""
    presence.mark_lost("ann", OLD, 0.0)
    entries = presence.replace("ann", OLD, presence.successors("ann", {OLD}, {OLD}))
    assert rooms(entries) == {"r.x", "r.y"}
    assert {entry.entered_by for entry in entries} == {OLD}
    # What could not be written is due again.
    assert presence.overdue(GRACE_S, GRACE_S) == {OLD: "ann"}
    assert rooms(presence.replace("ann", OLD, [])) == {"r.x", "r.y"}
    for entry in entries:
        presence.remove(entry)
    presence.forget("ann", OLD)
    assert (len(presence), presence.overdue(GRACE_S, GRACE_S)) == (0, {})


def test_a_live_connection_is_the_successor_and_a_lost_one_is_not(presence):
    presence.enter("r.z", "ann", OTHER)
    presence.mark_lost("ann", OLD, 0.0)
    presence.mark_lost("ann", OTHER, 0.0)
    assert presence.successors("ann", {OLD, OTHER}, {OLD, OTHER}) == []
    assert presence.successors("ann", {OLD, OTHER, NEW}, {OLD, OTHER}) == [NEW]
    assert presence.replace("ann", OLD, [NEW]) == []
    assert presence.overdue(GRACE_S, GRACE_S) == {OTHER: "ann"}


def test_a_connection_that_has_exited_does_not_succeed_in_that_room(presence):
    """Otherwise the stay would last as long as a connection on which the user has left."""
    presence.enter("r.x", "ann", NEW)
    assert presence.exit("r.x", "ann", NEW) == []
    presence.mark_lost("ann", OLD, 0.0)
    successors = presence.successors("ann", {NEW}, {OLD})
    assert rooms(presence.replace("ann", OLD, successors)) == {"r.x"}
    assert presence.entry("r.y", "ann").connections == [NEW]


def test_a_further_connection_succeeds_where_the_first_one_has_exited(presence):
    presence.enter("r.x", "ann", OTHER)
    presence.exit("r.x", "ann", OTHER)
    presence.mark_lost("ann", OLD, 0.0)
    assert presence.replace("ann", OLD, [OTHER, NEW]) == []
    assert presence.entry("r.x", "ann").connections == [NEW]
    assert presence.entry("r.y", "ann").connections == [OTHER]


def test_connections_without_a_lease_are_assumed_to_be_lost(presence):
    """This detects an edge that died without a report."""
    presence.enter("r.x", "bob", OTHER)
    presence.mark_unleased({"bob": {OTHER}}, 5.0)
    assert presence.overdue(5.0 + GRACE_S, GRACE_S) == {OLD: "ann"}


def test_a_renewed_lease_revokes_an_assumed_loss(presence):
    presence.mark_unleased({}, 0.0)
    presence.confirm_leased({"ann": {OLD}})
    assert presence.overdue(1000.0, GRACE_S) == {}


def test_a_reported_loss_is_not_revoked_by_a_lingering_lease(presence):
    """Its grace period begins with the report."""
    presence.mark_unleased({}, 0.0)
    presence.mark_lost("ann", OLD, 5.0)
    presence.confirm_leased({"ann": {OLD}})
    assert presence.overdue(14.0, GRACE_S) == {}
    assert presence.overdue(15.0, GRACE_S) == {OLD: "ann"}


def test_stays_are_restored_from_sql_after_a_restart(presence):
    restored = RoomPresence()
    restored.restore([Present("r.x", "ann", OLD)])
    [entry] = restored.exit("r.x", "ann", OLD)
    assert entry.entered_by == OLD
