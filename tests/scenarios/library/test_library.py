"""The named scenarios."""

import pytest

from gauntlet.core.scenario import loader
from gauntlet.scenarios import library

EXPECTED = {
    "steady", "disconnects", "slow-network", "broker-failure", "edge-crash", "gateway-crash",
    "blue-green", "reconnect-storm", "offline-catchup", "group-fanout", "spike", "tour",
}  # fmt: skip


def test_the_library_holds_what_is_promised():
    """Every promised scenario is there, under its own name."""
    assert set(library.names()) >= EXPECTED
    with pytest.raises(KeyError):
        library.path("no-such-scenario")


@pytest.mark.parametrize("name", library.names())
def test_every_scenario_is_valid_and_short(name):
    """Each file passes the checks a user's file must pass, and takes about a minute."""
    scenario = loader.load(library.path(name))
    assert scenario.name == name
    assert scenario.about.endswith(".")
    assert scenario.load.duration_s <= (90 if name == "tour" else 60)


@pytest.mark.parametrize("name", library.names())
def test_faults_leave_time_to_recover(name):
    """A fault's recovery may take what it is allowed before the next one begins, or the end."""
    scenario = loader.load(library.path(name))
    ends = [fault.at for fault in scenario.faults[1:]]
    for fault, following_s in zip(scenario.faults, ends, strict=False):
        assert fault.ends_s + 3 <= following_s, fault.id
    assert scenario.faults == sorted(scenario.faults, key=lambda fault: fault.at)


@pytest.mark.parametrize("name", library.names())
def test_a_connection_of_the_reference_server_lasts_where_no_fault_ends_it(name):
    """Storms draw faults at random, and other servers may limit the age of connections."""
    scenario = loader.load(library.path(name))
    limits = {
        (objective.window, objective.value, objective.severity)
        for objective in scenario.sla
        if objective.indicator == "lost_connections_count"
    }
    own = scenario.target.adapter == "reference" and name != "storm"
    assert bool(limits & {("steady", 0, "fail"), ("run", 0, "fail")}) is own


def test_the_spike_leaps_and_comes_back():
    """Half a dozen seconds at several times the base, with time before and after it."""
    load = loader.load(library.path("spike")).load
    ends_s = load.profile.at + load.profile.for_
    assert 3 <= load.profile.peak / load.profile.base <= 10
    assert load.ramp + 5 <= load.profile.at
    assert ends_s + 5 <= load.duration_s


def test_the_tour_has_the_documented_size():
    """200 users and 150 sends per second, within 90 seconds."""
    load = loader.load(library.path("tour")).load
    assert (load.users, load.rate_per_s) == (200, 150)
    assert load.duration_s <= 90
