"""Who a worker is, and whether it may take part."""

import re

import msgspec
import pytest

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.distributed import worker_identity

SCENARIO = from_builtins({"version": 1, "name": "x", "about": "x", "load": {"users": 4}})
OURS = worker_identity.of_this_process(SCENARIO)


def scenario(name="x", **load):
    """Another scenario."""
    return from_builtins({"version": 1, "name": name, "about": "x", "load": load})


def test_processes_of_one_host_know_that_they_share_clock_and_loopback():
    """Two identities of one host are the same but for what they were started with."""
    again = worker_identity.of_this_process()
    assert (again.clock, again.network) == (OURS.clock, OURS.network)
    assert again.clock != ""
    assert worker_identity.mismatch(again, OURS) == ""


def test_an_identity_survives_its_way():
    """What arrives in a message is what was said."""
    assert msgspec.convert(msgspec.to_builtins(OURS), worker_identity.Identity) == OURS


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"protocol": 99}, "it speaks protocol 99, the master 1"),
        ({"version": "9.9 (code 0)"}, "it runs gauntlet 9.9 \\(code 0\\), the master .*code"),
        ({"build": "other"}, "its load engine is other, the master's .*GAUNTLET_PURE=1 for both"),
        ({"scenario": ("tour", "abc")}, "it has the scenario tour, the master x"),
        ({"scenario": ("x", "abc")}, "its scenario x is not the master's: the two files differ"),
    ],
)
def test_a_worker_of_another_kind_is_told_why(change, why):
    """The sentence names both sides."""
    found = worker_identity.mismatch(msgspec.structs.replace(OURS, **change), OURS)
    assert re.match(why, found), found


def test_sizes_of_the_load_are_the_masters_to_set():
    """Another number of users is no other scenario; another way of talking is."""
    print_of = worker_identity.fingerprint
    assert print_of(SCENARIO) == print_of(scenario(users=9, rate="7/s", ramp="1s", steady="2s"))
    assert print_of(SCENARIO) != print_of(scenario(workload={"group": 1}))
    assert print_of(SCENARIO) != print_of(scenario(body_bytes=999))


def test_a_worker_without_a_scenario_takes_the_masters():
    """It travels with the load."""
    assert worker_identity.mismatch(msgspec.structs.replace(OURS, scenario=None), OURS) == ""
