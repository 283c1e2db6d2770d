"""The faults of a storm: decided by the seed, within the times of the load, without conflicts."""

import itertools

import pytest
from msgspec.structs import replace

from gauntlet.campaigns.storm import drawing
from gauntlet.campaigns.storm.menu import Disturbance, menu_of
from gauntlet.chaos.faults import conflicts
from gauntlet.chaos.faults.targets import StackPlan, resolve_components
from gauntlet.core.scenario import catalog, loader, validation
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.rules import load_size
from gauntlet.reference_server.cluster.topology import plan as topology
from gauntlet.scenarios import library

SEEDS = range(200)


def base(stack="embedded", layout="default"):
    """The scenario of the library on a stack."""
    plain = library.find("storm")
    return replace(plain, target=replace(plain.target, stack=stack, layout=layout))


def drawn(seed, stack="embedded", steady_s=60.0, layout="default"):
    """The faults of a storm after a ramp of 3 s."""
    return drawing.draw(menu_of(base(stack, layout)), seed, 3.0, steady_s)


def plan_of(stack, layout):
    """What the reference server runs."""
    ports = itertools.count(2000)
    request = topology.ClusterRequest(stack, "data", "log", layout=layout)
    plan = topology.make_plan(request, lambda: next(ports))
    return StackPlan.from_cluster(plan.as_json()["components"], plan.links)


def test_a_seed_always_draws_the_same_storm_and_another_seed_another_one():
    assert drawn(5) == drawn(5)
    assert len({repr(drawn(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_every_storm_is_a_valid_scenario(stack):
    scenario = base(stack)
    load = replace(scenario.load, steady=type(scenario.load.steady)(60))
    for seed in SEEDS:
        faults = list(drawn(seed, stack))
        assert list(validation.problems(replace(scenario, load=load, faults=faults))) == []


@pytest.mark.parametrize("layout", sorted(catalog.LAYOUTS))
@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_no_storm_is_refused_before_the_load(stack, layout):
    """On `full`, the gateways host the message service; in `single` there is one gateway."""
    plan = plan_of(stack, layout)
    for seed, steady_s in (*((seed, 60.0) for seed in SEEDS[:100]), (12, 300.0), (38, 120.0)):
        faults = drawn(seed, stack, steady_s, layout)
        conflicts.check(faults, plan, seed)
        for fault in faults:
            if "count" in fault.params:
                assert fault.params["count"] <= len(resolve_components(fault.target, plan))


def test_a_single_gateway_is_disturbed_as_two_are_but_for_the_number():
    menus = [menu_of(base(layout=layout)) for layout in ("default", "single")]
    kinds = [[(entry.kind, entry.target) for entry in menu] for menu in menus]
    assert kinds[0] == kinds[1]
    counts = [{entry.target for entry in menu if "count" in entry.params} for menu in menus]
    assert counts == [{"gateway", "edge"}, {"edge"}]


def test_the_end_is_quiet_and_so_is_the_begin():
    for seed in SEEDS:
        for fault in drawn(seed):
            assert fault.begins_s >= 3 + drawing.CALM_S
            assert fault.ends_s <= 3 + 60 - drawing.QUIET_S + 0.05  # rounded to 0.1 s


def test_storms_differ_in_number_and_overlap():
    storms = [drawn(seed) for seed in SEEDS]
    assert {len(faults) for faults in storms} >= {3, 4, 5, 6}
    overlaps = [
        any(b.begins_s < a.ends_s for a, b in itertools.pairwise(faults)) for faults in storms
    ]
    assert 0.2 < sum(overlaps) / len(overlaps) < 1
    assert {fault.kind for faults in storms for fault in faults} == {
        entry.kind for entry in menu_of(base())
    }


def test_a_process_is_disturbed_by_one_fault_at_a_time():
    """A link whose server is down would prove nothing."""
    for seed, stack in itertools.product(SEEDS, ("embedded", "full")):
        for a, b in itertools.combinations(drawn(seed, stack), 2):
            if b.begins_s >= a.ends_s:
                continue
            kinds = {a.kind, b.kind}
            roles = [fault.target.rpartition(">")[2] for fault in (a, b)]
            if stack == "full":  # where the gateways host it
                roles = ["gateway" if role == "message" else role for role in roles]
            if roles[0] == roles[1]:
                assert all(catalog.FAULTS[kind].needs_link for kind in kinds)
            if a.target == b.target:
                assert kinds == {"disconnect", "latency"}
            assert "cutover" not in kinds


def test_a_fault_keeps_its_distance_until_the_target_has_settled():
    kill = Disturbance("kill", "edge", (1, 1), settles_s=9.0)
    menu = [kill, Disturbance("pause", "edge", (1, 1))]
    for seed in SEEDS:
        for a, b in itertools.pairwise(drawing.draw(menu, seed, 3.0, 90.0)):
            assert b.begins_s - a.ends_s >= (9.0 if a.kind == "kill" else 1.0)


def test_the_shortest_storm_has_room_for_faults():
    assert all(drawn(seed, steady_s=drawing.SHORTEST_S) for seed in SEEDS)


def test_a_storm_of_a_day_can_be_written_to_a_file():
    """It would have had up to 28,800 faults, more than a file may contain."""
    scenario = base()
    load = replace(scenario.load, steady=type(scenario.load.steady)(86_400))
    for seed in SEEDS[:3]:
        faults = list(drawn(seed, steady_s=86_400.0))
        assert 100 < len(faults) <= load_size.FAULTS_MAX
        text = loader.to_yaml(replace(scenario, load=load, faults=faults))
        assert len(loader.parse(text, "storm.yaml").faults) == len(faults)


def test_other_servers_have_faults_on_their_link_and_their_process():
    scenario = Scenario(version=1, name="x", about="x")
    scenario = replace(scenario, target=replace(scenario.target, stack="mosquitto"))
    assert {entry.target for entry in menu_of(scenario)} == {"client>edge", "edge"}
