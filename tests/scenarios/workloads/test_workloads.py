"""What each workload plans."""

from collections import Counter
from random import Random

import pytest

from gauntlet.kernel.scenario import Duration, WorkloadShare
from scenarios.plan import Scope
from scenarios.traffic import users_of
from scenarios.workloads.direct import Direct
from scenarios.workloads.group import Group
from scenarios.workloads.offline_catchup import OfflineCatchup
from scenarios.workloads.reconnect_storm import ReconnectStorm
from scenarios.workloads.slow_consumer import SlowConsumer

SECOND = 1_000_000_000


def planned(workload, users=40, **share):
    """A workload over some users, two seconds of ramp and thirty of steady load."""
    scope = Scope(0, users_of(0, users), 2 * SECOND, 30 * SECOND)
    return workload(scope, WorkloadShare(**share), Random(5))


@pytest.mark.parametrize("users", [2, 3, 4, 41])
def test_direct_gives_everybody_a_few_peers(users):
    """One-to-one, each pair once, named as the protocol names it, nobody left out."""
    drafts = planned(Direct, users).conversations()
    peers = Counter(user for draft in drafts for user in draft.members)
    assert set(peers) == set(range(1, users + 1))
    assert max(peers.values()) <= 4
    assert len({draft.name for draft in drafts}) == len(drafts)
    for draft in drafts:
        kind, first, second = draft.name.split(".")
        assert kind == "d"
        assert first < second


@pytest.mark.parametrize(("users", "size"), [(40, 10), (43, 10), (5, 9), (2, 2)])
def test_group_deals_everybody_into_one_room(users, size):
    """Rooms have `size` members, the last one those who are left over too."""
    drafts = planned(Group, users, size=size).conversations()
    members = [user for draft in drafts for user in draft.members]
    assert sorted(members) == list(range(1, users + 1))
    assert all(len(draft.members) >= min(size, users) for draft in drafts)


def test_offline_catchup_spreads_its_absences():
    """Each leaver stays away for `offline`, and they do not leave together."""
    workload = planned(OfflineCatchup, at=[Duration(9)], offline=Duration(4), percent=50)
    absences = workload.absences()
    assert len({absence.user for absence in absences}) == 20
    assert {absence.to_ns - absence.from_ns for absence in absences} == {4 * SECOND}
    assert len({absence.from_ns for absence in absences}) > 10
    assert all(9 * SECOND <= absence.from_ns <= 13 * SECOND for absence in absences)


def test_reconnect_storm_returns_in_one_instant():
    """All leave together and return together, once for each `at`."""
    workload = planned(
        ReconnectStorm, at=[Duration(9), Duration(20)], offline=Duration(3), percent=25
    )
    spans = Counter((absence.from_ns, absence.to_ns) for absence in workload.absences())
    assert spans == {(9 * SECOND, 12 * SECOND): 10, (20 * SECOND, 23 * SECOND): 10}


def test_slow_consumers_stall_together_in_rooms_of_their_own():
    """They stay connected; their rooms are no other workload's."""
    workload = planned(SlowConsumer, size=10, at=[Duration(9)], offline=Duration(6), percent=10)
    absences = workload.absences()
    assert len({absence.user for absence in absences}) == 4
    assert {absence[1:] for absence in absences} == {(9 * SECOND, 15 * SECOND, True)}
    rooms = {draft.name for draft in workload.conversations()}
    assert len(rooms) == 4
    assert not rooms & {draft.name for draft in planned(Group, size=10).conversations()}


def test_users_leave_a_third_into_the_load_where_nothing_else_is_said():
    """`at` has a default that every load contains."""
    (from_ns,) = {absence.from_ns for absence in planned(ReconnectStorm).absences()}
    assert from_ns == 12 * SECOND
