"""The scenarios of the levels."""

import pytest

from gauntlet.campaigns.capacity import variations
from gauntlet.campaigns.capacity.variations import Variation, at_level
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Objective, from_builtins, to_builtins
from gauntlet.scenarios import library

from .example import scenario, variation

P99 = {"id": "p99", "indicator": "delivery_p99_ms", "op": "<", "value": 500, "window": "steady"}
LOSS = {"id": "max", "indicator": "delivery_max_ms", "op": "<", "value": 9000, "window": "run"}


def with_sla(*objectives):
    """Return a variation of the short scenario with objectives of its own."""
    plain = to_builtins(scenario()) | {"sla": list(objectives)}
    return Variation(from_builtins(plain))


def test_the_rate_is_varied_and_the_users_stay():
    found = at_level(variation(), "rate_per_s", "steady", 120)
    assert (found.load.rate_per_s, found.load.users) == (120, 40)


def test_the_connections_are_varied_and_the_rate_stays():
    found = at_level(variation(devices=2), "connections", "steady", 100)
    assert (found.load.users, found.load.devices, found.load.rate_per_s) == (50, 2, 50)


def test_without_a_rate_the_connections_do_not_change_it():
    found = at_level(variation(rate=None), "connections", "steady", 100)
    assert found.load.rate_per_s == 40


def test_during_n_minus_1_the_survivors_carry_the_whole_steady_load():
    found = at_level(with_sla(P99, LOSS), "rate_per_s", "n-1", 50)
    (fault,) = found.faults
    assert (fault.kind, fault.target) == ("kill", "edge")
    assert fault.begins_s < found.load.ramp
    assert fault.ends_s - found.load.ramp == 8
    assert {each.window for each in found.sla} == {"fault:n-1", "run"}


def test_the_victim_of_n_minus_1_can_be_a_gateway():
    plan = with_sla(P99)._replace(victim="gateway")
    assert at_level(plan, "rate_per_s", "n-1", 50).faults[0].target == "gateway"


def test_after_a_storm_the_objectives_must_hold_again_soon():
    found = at_level(with_sla(P99), "rate_per_s", "reconnect-storm", 50)
    (fault,) = found.faults
    assert (fault.kind, fault.params) == ("disconnect", {"percent": 100.0})
    assert fault.expect.recover_within == 10
    assert found.recovery_window == 10
    assert [each.window for each in found.sla] == ["steady"]


def test_during_a_cutover_the_objectives_hold_meanwhile():
    found = at_level(with_sla(P99), "rate_per_s", "cutover", 50)
    assert [each.window for each in found.sla] == ["steady", "fault:cutover"]
    assert len({each.id for each in found.sla}) == 2


def test_clients_that_move_may_read_messages_from_the_history():
    missed = {**P99, "id": "missed", "indicator": "live_missed_ratio", "value": 0.001}
    found = at_level(with_sla(P99, missed), "rate_per_s", "cutover", 50)
    assert [each.id for each in found.sla if each.window == "fault:cutover"] == ["p99-cutover"]
    assert "missed" in [each.id for each in found.sla if each.window == "steady"]


@pytest.mark.parametrize("during", ["n-1", "cutover"])
def test_an_objective_on_the_disturbance_replaces_those_of_the_steady_load(during):
    own = Objective(
        id="mine", indicator="delivery_p99_ms", op="<", value=2000, window=f"fault:{during}"
    )
    found = at_level(with_sla(P99)._replace(objectives=[own]), "rate_per_s", during, 50)
    assert [each.id for each in found.sla if each.window == f"fault:{during}"] == ["mine"]


@pytest.mark.parametrize("during", ["n-1", "reconnect-storm", "cutover"])
def test_every_disturbance_is_possible_with_the_library_scenario(during):
    plan = Variation(library.find("steady"))
    assert at_level(plan, "rate_per_s", during, 50).faults[0].id == during


@pytest.mark.parametrize("during", ["n-1", "cutover"])
def test_a_system_of_one_component_cannot_lose_one(during):
    plain = to_builtins(scenario()) | {"target": {"adapter": "mqtt", "stack": "mosquitto"}}
    with pytest.raises(ConfigError, match=f"--during {during} must be used with a stack"):
        at_level(Variation(from_builtins(plain)), "rate_per_s", during, 50)


def test_a_scenario_with_faults_is_refused():
    with pytest.raises(ConfigError, match="without faults"):
        variations.check(library.find("edge-crash"))


def test_a_scenario_without_a_constant_rate_is_refused():
    with pytest.raises(ConfigError, match="constant profile"):
        variations.check(library.find("spike"))


def test_a_scenario_with_a_literal_secret_is_refused():
    plain = to_builtins(scenario())
    plain["accounts"] = {"pattern": "u{n}", "password": "secret-1"}
    with pytest.raises(ConfigError, match="must not contain a secret"):
        variations.check(from_builtins(plain))


def test_an_impossible_level_names_the_key():
    plan = Variation(
        from_builtins(to_builtins(scenario()) | {"load": {"workload": {"group": {"size": 30}}}})
    )
    with pytest.raises(ConfigError, match=r"at this level, load\.workload\.group\.size"):
        at_level(plan, "connections", "steady", 10)


def test_the_digest_depends_on_the_load_and_not_on_the_name():
    named = Variation(from_builtins(to_builtins(scenario()) | {"name": "other"}))
    assert variations.digest(named) == variations.digest(variation())
    assert variations.digest(variation(users=41)) != variations.digest(variation())
    assert variations.digest(with_sla(P99)) != variations.digest(variation())
    for other in ({"victim": "gateway"}, {"storm_percent": 50.0}, {"bug": "no_fsync"}):
        changed = variation()._replace(**other)
        assert variations.digest(changed) != variations.digest(variation())


def test_the_digest_depends_on_the_content_of_a_bug_and_not_on_its_path(tmp_path):
    def digest(name, text):
        (tmp_path / name).write_text(text)
        return variations.digest(variation()._replace(bug=str(tmp_path / name)))

    assert digest("a.py", "x = 1") == digest("b.py", "x = 1") != digest("a.py", "x = 2")


def test_a_bug_that_cannot_be_read_is_refused():
    with pytest.raises(ConfigError, match="--bug must be a readable Python file"):
        variations.digest(variation()._replace(bug="absent.py"))
