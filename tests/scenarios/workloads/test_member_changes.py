"""member_changes plans who is removed from their room and added again."""

from itertools import pairwise
from random import Random

from gauntlet.core.scenario.model import Duration, Rate, WorkloadShare
from gauntlet.scenarios.schedule.traffic import make_users
from gauntlet.scenarios.workloads.entities import Scope
from gauntlet.scenarios.workloads.member_changes import APART_NS, MemberChanges

SECOND = 1_000_000_000
RAMP_NS, STEADY_NS = 2 * SECOND, 60 * SECOND


def planned(**share):
    """Return the rooms of ten users and the removals from them."""
    scope = Scope(0, make_users(0, 10), RAMP_NS, STEADY_NS)
    workload = MemberChanges(scope, WorkloadShare(size=5, **share), Random(5))
    return {room.name: room for room in workload.conversations()}, workload.room_removals()


def test_every_member_but_the_creator_is_removed_and_added_again():
    rooms, removals = planned(removals=Rate(0.3), offline=Duration(4))
    expected = {(room.name, user) for room in rooms.values() for user in room.members[1:]}
    assert {(removal.conv, removal.user) for removal in removals} == expected
    assert {removal.to_ns - removal.from_ns for removal in removals} == {4 * SECOND}


def test_all_members_are_back_before_the_load_ends():
    _, removals = planned(removals=Rate(1.0), offline=Duration(5))
    assert min(removal.from_ns for removal in removals) > RAMP_NS
    assert max(removal.to_ns for removal in removals) < RAMP_NS + STEADY_NS - APART_NS


def test_the_changes_of_one_member_are_apart():
    """A change is answered before the next one begins, and messages lie between them."""
    _, removals = planned(removals=Rate(9.0), offline=Duration(0))
    user = removals[0].user
    own = [removal for removal in removals if removal.user == user]
    assert len(own) > 5
    assert all(later.from_ns - earlier.to_ns >= APART_NS for earlier, later in pairwise(own))
    assert all(removal.to_ns - removal.from_ns >= APART_NS for removal in own)


def test_members_are_removed_six_times_a_minute_by_default():
    _, removals = planned()
    assert 10 < len(removals) < 60
