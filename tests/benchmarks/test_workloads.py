"""The workloads of the benchmarks, planned as the engine plans them."""

import pytest

from benchmarks.load.engine_load import LoadPlan
from benchmarks.workloads import BENCHMARK_WORKLOADS, OWN_CONVERSATION, OWN_ROOM
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads import WORKLOADS

USERS = 10


@pytest.mark.parametrize(("name", "needs"), [(OWN_CONVERSATION, set()), (OWN_ROOM, {ROOMS})])
def test_every_user_is_the_only_member_of_a_conversation(monkeypatch, name, needs):
    """Otherwise only the slow benchmarks would reach a workload that cannot be planned."""
    monkeypatch.setitem(WORKLOADS, name, BENCHMARK_WORKLOADS[name])
    scenario = LoadPlan(("ws://127.0.0.1:1",), USERS, 10.0, 1.0, workload=name).scenario()
    traffic = Traffic(from_builtins(scenario), Stripe(), None, "tag")
    members = [conversation.members for conversation in traffic.conversations.values()]
    assert [len(each) for each in members] == [1] * USERS
    assert len(set(members)) == USERS
    assert traffic.needs == needs
