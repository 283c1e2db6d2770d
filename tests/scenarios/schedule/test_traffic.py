"""A worker's plan and its ops."""

import itertools

import msgspec
import pytest

from gauntlet.core.scenario.accounts import users_per_worker
from gauntlet.core.scenario.catalog import WORKLOADS as NAMES
from gauntlet.core.scenario.model import Fault, from_builtins
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.core.scenario.traces.arrival_trace import Trace
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import (
    NUMBERS_PER_WORKER,
    Traffic,
    make_users,
)
from gauntlet.scenarios.workloads import WORKLOADS

ALONE = Stripe()
SECOND = 1_000_000_000
LOADS = {
    "direct": {"direct": 1},
    "group": {"group": {"size": 5}},
    "offline_catchup": {"offline_catchup": {"at": ["3s"], "offline": "2s", "percent": 40}},
    "reconnect_storm": {"reconnect_storm": {"offline": "2s", "percent": 60}},
    "member_changes": {"member_changes": {"size": 6, "removals": "10/m", "offline": "3s"}},
    "all": {"direct": 3, "group": {"size": 7}, "offline_catchup": 1, "reconnect_storm": 1},
}


def surge_of(factor, **times):
    """A surge of the arrival rate."""
    return Fault(id="s", kind="surge", target="gateway", params={"factor": factor}, **times)


def traffic(load="all", *, seed=7, users=23, stripe=ALONE, trace=None, **more):
    """The traffic of a small scenario."""
    scenario = {
        "version": 1, "name": "x", "about": "x", "seed": seed,
        "load": {"users": users, "workload": LOADS[load], "rate": "40/s", "ramp": "2s",
                 "steady": "8s", **more},
    }  # fmt: skip
    return Traffic(from_builtins(scenario), stripe, trace)


def ops(made, ready=lambda _: True):
    """All its ops."""
    drawn = (made.draw_op(offset, ready) for offset in made.offsets_ns())
    return [(op.offset_ns, op.conv.name, op.author, op.sseq) for op in drawn if op is not None]


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_the_same_seed_gives_the_same_ops(load, arrivals):
    """Seed and scenario decide who sends what when; another seed decides otherwise."""
    first = ops(traffic(load, arrivals=arrivals))
    assert first == ops(traffic(load, arrivals=arrivals))
    assert first != ops(traffic(load, arrivals=arrivals, seed=8))
    assert traffic(load).offline_periods == traffic(load).offline_periods


def test_workloads_are_those_of_the_vocabulary():
    """What a scenario may name exists, and nothing else does."""
    assert set(WORKLOADS) == set(NAMES)


@pytest.mark.parametrize("load", LOADS)
def test_everybody_talks_only_where_he_is_a_member(load):
    """Authors are members, members are users, and sseqs are dense for each author."""
    made = traffic(load)
    numbers = {user.number for user in made.users}
    sseqs = {}
    for _, name, author, sseq in ops(made):
        assert author in made.conversations[name].members
        assert sseq == sseqs.get((name, author), 0) + 1
        sseqs[name, author] = sseq
    for conv in made.conversations.values():
        assert len(conv.members) >= 2
        assert set(conv.members) <= numbers
        assert len(set(conv.members)) == len(conv.members)


def test_a_removed_member_sends_nothing_and_others_do():
    made = traffic("member_changes", steady="30s")
    assert made.room_removals
    sent = ops(made)
    for removal in made.room_removals:
        from_ns, to_ns = (t_ns - 2 * SECOND for t_ns in (removal.from_ns, removal.to_ns))
        meanwhile = {
            author
            for offset, conv, author, _ in sent
            if conv == removal.conv and from_ns - SECOND <= offset < to_ns + SECOND
        }
        assert removal.user not in meanwhile
        assert meanwhile
    assert {removal.user for removal in made.room_removals} <= {author for _, _, author, _ in sent}


@pytest.mark.parametrize("load", ["offline_catchup", "reconnect_storm", "all"])
def test_nobody_sends_while_he_is_away(load):
    """A user who is offline on purpose is no author."""
    made = traffic(load)
    assert made.offline_periods
    ramp_ns = 2_000_000_000
    for offset_ns, _, author, _ in ops(made):
        for period in made.offline_periods:
            at_ns = offset_ns + ramp_ns
            assert author != period.user or not period.from_ns <= at_ns < period.to_ns


def test_a_conversation_that_is_not_ready_is_not_drawn():
    """Sends go to the others meanwhile, and nowhere when there are none."""
    made = traffic("direct")
    barred = next(iter(made.conversations))
    assert barred not in {name for _, name, _, _ in ops(made, lambda conv: conv.name != barred)}
    assert ops(traffic("direct"), lambda _: False) == []


def test_workers_share_nothing():
    """Users, conversations and their numbers are each of one worker."""
    parts = [traffic(stripe=Stripe(worker, 3)) for worker in range(3)]
    names = [set(part.conversations) for part in parts]
    for one, other in itertools.combinations(names, 2):
        assert not one & other
    for worker, part in enumerate(parts):
        numbers = [conv.number for conv in part.conversations.values()]
        numbers += [user.number for user in part.users]
        assert {number // NUMBERS_PER_WORKER for number in numbers} == {worker}


def test_slots_hold_all_users():
    """Every user has a slot at some worker, with at most one to spare at each."""
    for workers, users in ((1, 2), (3, 23), (4, 4), (5, 3)):
        slots = sum(users_per_worker(worker, workers, users) for worker in range(workers))
        assert users <= slots < users + workers
    assert [user.name for user in make_users(2, 2)] == ["u2-0", "u2-1"]
    assert make_users(2, 1)[0].number == 2_000_001


def test_a_tag_is_in_all_names_and_changes_nothing_else():
    """The users of a run must not receive what earlier runs left on an external system."""
    load = {"users": 6, "workload": {"direct": 1, "group": 1}}
    scenario = from_builtins({"version": 1, "name": "x", "about": "y", "load": load})
    plain, tagged = (Traffic(scenario, Stripe(), None, tag) for tag in ("", "ab12-"))
    named = [*tagged.conversations, *(user.name for user in tagged.users)]
    assert all("ab12-" in name for name in named)
    assert [user.name.replace("ab12-", "") for user in tagged.users] == [
        user.name for user in plain.users
    ]
    assert [one.members for one in tagged.conversations.values()] == [
        one.members for one in plain.conversations.values()
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_profile_and_its_spacing_are_the_scenarios(workers):
    """A ramp from nothing: half its sends are in the last 29 % of it, over all workers."""

    def offsets(**more):
        ramp = {"kind": "ramp", "from": 0, "to": 80}
        stripes = [Stripe(worker, workers) for worker in range(workers)]
        made = [
            traffic(stripe=one, rate=None, profile=ramp, **more).offsets_ns() for one in stripes
        ]
        return sorted(at for one in made for at in one)

    even, random = offsets(), offsets(arrivals="poisson")
    assert len(even) == 320
    assert sum(at < 8 * SECOND * 0.707 for at in even) == 160
    assert 260 < len(random) < 380
    assert random != even


def test_a_recorded_profile_is_sent_as_it_was_recorded():
    """At its offsets exactly; a surge sends more in its time, what was at once still at once."""
    recorded = {"kind": "recorded", "file": "t.csv"}
    made = traffic(rate=None, profile=recorded, trace=Trace("offset_s", (0.25, 1.0, 1.0, 7.75)))
    assert list(made.offsets_ns()) == [SECOND // 4, SECOND, SECOND, 31 * SECOND // 4]
    surge = surge_of(3, at=FixedTime(3), for_=1.0)
    made._scenario = msgspec.structs.replace(made._scenario, faults=[surge])
    offsets = list(made.offsets_ns())
    assert offsets[:5] == [SECOND // 4, *[SECOND] * 4]
    assert (len(offsets), offsets[-1]) == (7, 31 * SECOND // 4)


def test_a_surge_is_a_fault_of_the_scenario_counted_from_the_ramp():
    """`at` counts from the start of the ramp, the arrivals from its end."""
    made = traffic("direct")
    usual = sum(1 for _ in made.offsets_ns())
    surge = surge_of(2.5, at=FixedTime(4), for_=3.0)
    made._scenario = msgspec.structs.replace(made._scenario, faults=[surge])
    offsets = list(made.offsets_ns())
    inside = [at for at in offsets if 2 * SECOND <= at < 5 * SECOND]
    assert (usual, len(offsets), len(inside)) == (320, 320 + 180, 300)
