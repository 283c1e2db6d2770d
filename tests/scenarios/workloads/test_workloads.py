"""What each workload plans."""

from collections import Counter
from random import Random

import pytest

from gauntlet.core.scenario.model import Duration, Rate, WorkloadShare
from gauntlet.scenarios.schedule.traffic import make_users
from gauntlet.scenarios.workloads.direct import Direct
from gauntlet.scenarios.workloads.entities import Scope
from gauntlet.scenarios.workloads.group import Group
from gauntlet.scenarios.workloads.offline_catchup import OfflineCatchup
from gauntlet.scenarios.workloads.reconnect_storm import ReconnectStorm
from gauntlet.scenarios.workloads.slow_consumer import SlowConsumer

SECOND = 1_000_000_000


def planned(workload, users=40, **share):
    """A workload over some users, two seconds of ramp and thirty of steady load."""
    scope = Scope(0, make_users(0, users), 2 * SECOND, 30 * SECOND)
    return workload(scope, WorkloadShare(**share), Random(5))


@pytest.mark.parametrize("users", [2, 3, 4, 41])
def test_direct_gives_everybody_a_few_peers(users):
    """Each pair has one conversation, whose name is that of the protocol; no user is left out."""
    plans = planned(Direct, users).conversations()
    peers = Counter(user for plan in plans for user in plan.members)
    assert set(peers) == set(range(1, users + 1))
    assert max(peers.values()) <= 4
    assert len({plan.name for plan in plans}) == len(plans)
    for plan in plans:
        kind, first, second = plan.name.split(".")
        assert kind == "d"
        assert first < second


@pytest.mark.parametrize(("users", "size"), [(40, 10), (43, 10), (5, 9), (2, 2)])
def test_group_deals_everybody_into_one_room(users, size):
    """Rooms have `size` members, the last one those who are left over too."""
    plans = planned(Group, users, size=size).conversations()
    members = [user for plan in plans for user in plan.members]
    assert sorted(members) == list(range(1, users + 1))
    assert all(len(plan.members) >= min(size, users) for plan in plans)


def test_offline_catchup_spreads_its_absences():
    """Each leaver stays away for `offline`, and they do not leave together."""
    workload = planned(OfflineCatchup, at=[Duration(9)], offline=Duration(4), percent=50)
    offline_periods = workload.offline_periods()
    assert len({period.user for period in offline_periods}) == 20
    assert {period.to_ns - period.from_ns for period in offline_periods} == {4 * SECOND}
    assert len({period.from_ns for period in offline_periods}) > 10
    assert all(9 * SECOND <= period.from_ns <= 13 * SECOND for period in offline_periods)


def test_reconnect_storm_returns_in_one_instant():
    """All leave together and return together, once for each `at`."""
    workload = planned(
        ReconnectStorm, at=[Duration(9), Duration(20)], offline=Duration(3), percent=25
    )
    spans = Counter((period.from_ns, period.to_ns) for period in workload.offline_periods())
    assert spans == {(9 * SECOND, 12 * SECOND): 10, (20 * SECOND, 23 * SECOND): 10}


def test_slow_consumers_stall_together_in_rooms_of_their_own():
    """They stay connected; their rooms are no other workload's."""
    workload = planned(SlowConsumer, size=10, at=[Duration(9)], offline=Duration(6), percent=10)
    offline_periods = workload.offline_periods()
    assert len({period.user for period in offline_periods}) == 4
    assert {period[1:] for period in offline_periods} == {(9 * SECOND, 15 * SECOND, True)}
    rooms = {plan.name for plan in workload.conversations()}
    assert len(rooms) == 4
    assert not rooms & {plan.name for plan in planned(Group, size=10).conversations()}


def test_users_leave_a_third_into_the_load_where_nothing_else_is_said():
    """`at` has a default that every load contains."""
    (from_ns,) = {period.from_ns for period in planned(ReconnectStorm).offline_periods()}
    assert from_ns == 12 * SECOND


def room_sizes(users=400, **share):
    """The sizes of the rooms that are dealt."""
    return [len(plan.members) for plan in planned(Group, users, **share).conversations()]


def test_lognormal_rooms_have_the_median_that_was_asked_for():
    """Most rooms are small and a few are large; every user is in one."""
    found = sorted(size for _ in range(5) for size in room_sizes(4_000, size=12, sizes="lognormal"))
    assert sum(found) == 5 * 4_000
    assert 9 <= found[len(found) // 2] <= 15
    assert found[0] == 2
    beyond = sum(size > 3.6 * 12 for size in found) / len(found)
    assert 0.05 < beyond < 0.15


def test_rooms_may_have_the_sizes_of_a_list():
    """As often as their weights say; who is left over joins the last one."""
    *found, _ = room_sizes(4_000, sizes=[(3, 3.0), (20, 1.0)])
    assert set(found) == {3, 20}
    assert 0.15 < found.count(20) / len(found) < 0.35


def test_no_room_is_larger_than_all():
    """However large a size is drawn."""
    assert room_sizes(2, size=2, sizes="lognormal") == [2]
    assert sum(room_sizes(5, size=50, sizes="lognormal")) == 5


def test_members_come_and_go_at_the_rate_that_was_asked_for():
    """Each exits only their own room, for `offline`, and absences of a member never overlap."""
    workload = planned(Group, size=10, exits=Rate(0.2), offline=Duration(2))
    rooms = {plan.name: plan.members for plan in workload.conversations()}
    room_absences = workload.room_absences()
    # 40 members, 28 s in which an absence may begin, one in 5 + 2 seconds.
    assert 100 < len(room_absences) < 220
    back = {}
    for absence in room_absences:
        assert absence.user in rooms[absence.conv]
        assert absence.to_ns - absence.from_ns == 2 * SECOND
        assert 2 * SECOND < absence.from_ns > back.get(absence.user, 0)
        assert absence.to_ns < 32 * SECOND
        back[absence.user] = absence.to_ns


def test_nobody_leaves_a_room_unasked():
    """Without `exits` attendance is steady, and drawing them shifts nothing else."""
    quiet, busy = planned(Group, size=10), planned(Group, size=10, exits=Rate(1))
    assert quiet.conversations() == busy.conversations()
    assert quiet.room_absences() == []
