"""Too few descriptors or ports are told before anything starts, with the remedy."""

import re

import msgspec
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Level, RampProfile, Rate
from gauntlet.runner import system_limits
from gauntlet.runner.options import Options
from gauntlet.runner.preflight import check_before_start
from gauntlet.runner.system_limits import SystemLimits, check, descriptors
from gauntlet.scenarios import library

SMALL = SystemLimits(descriptors=4_096, ports=28_232, any_loopback=True)


def scenario(name, users, **target):
    """A scenario of the library with so many users."""
    found = library.find(name)
    load = msgspec.structs.replace(found.load, users=users, rate=Rate(users))
    changed = msgspec.structs.replace(found.target, **target)
    return msgspec.structs.replace(found, load=load, target=changed)


def complaint(*given, **more):
    """What `check` says; empty where there is enough."""
    try:
        check(*given, **more)
    except ConfigError as error:
        return str(error)
    return ""


def test_the_librarys_scenarios_have_enough_on_a_common_machine():
    """Defaults are never refused: 4,096 descriptors are the least that doctor calls enough."""
    for each in library.all_scenarios():
        check(each, "needed", SMALL)


def test_too_few_descriptors_say_found_needed_and_remedy():
    """The figures, the process that lacks them, and three ways out."""
    said = complaint(scenario("steady", 10_000), "needed", SMALL)
    assert "10,000 users need 20,150 in a Locust process, but the limit is 4,096" in said
    assert "`ulimit -n 20150`" in said
    assert "more workers" in said


@pytest.mark.parametrize("name", ["steady", "blue-green", "disconnects"])
def test_the_number_of_users_that_is_offered_is_the_most_that_fits(name):
    """The suggested number of users is accepted; one more would not be."""
    found = re.search(r"--users (\d+)", complaint(scenario(name, 50_000), "needed", SMALL))
    users = int(found[1])
    assert complaint(scenario(name, users), "needed", SMALL) == ""
    assert complaint(scenario(name, users + 1), "needed", SMALL)


def test_a_profile_may_have_everybody_send_at_once():
    """Its mean says nothing about its peak."""
    calm = scenario("steady", 1000)
    slow = msgspec.structs.replace(calm.load, rate=Rate(1))
    shaped = msgspec.structs.replace(slow, profile=RampProfile(from_=Level(0), to=Level(9)))
    needed = [
        descriptors(msgspec.structs.replace(calm, load=load), "none")["a Locust process"]
        for load in (slow, shaped)
    ]
    assert needed[1] - needed[0] == 1000 - 3


def test_a_move_needs_both_connections():
    """Make before break: for a while every user has two."""
    plain = descriptors(scenario("steady", 1000), "none")["an edge"]
    moving = descriptors(scenario("blue-green", 1000), "none")["an edge"]
    assert moving - plain == 1000


def test_a_proxied_connection_costs_the_proxy_two():
    """Its end towards the client, and its end towards the server."""
    assert "the fault proxy" not in descriptors(scenario("steady", 1000), "needed")
    through = descriptors(scenario("steady", 1000), "all")["the fault proxy"]
    assert through == 2 * (1000 + 1000) + 150
    some = descriptors(scenario("disconnects", 1000), "needed")["the fault proxy"]
    assert some >= 2 * 1000 + 150


def test_workers_share_the_users():
    """Ten processes need a tenth each, and the edge what it needed before."""
    one = descriptors(scenario("steady", 10_000), "none")
    ten = descriptors(scenario("steady", 10_000), "none", workers=10)
    assert ten["a Locust process"] - 150 == (one["a Locust process"] - 150) / 10
    assert ten["an edge"] == one["an edge"]


def test_workers_that_nobody_knows_are_not_judged():
    """A Locust that started us may have a hundred of them, on other machines."""
    assert "a Locust process" not in descriptors(scenario("steady", 10_000), "none", workers=None)


def test_an_external_system_has_its_own_limits():
    """Only what runs here is counted."""
    away = scenario("steady", 1000, stack="external", url=["http://127.0.0.1:80"])
    assert set(descriptors(away, "all")) == {"gauntlet", "a Locust process"}


@pytest.mark.parametrize(
    ("url", "any_loopback", "enough"),
    [
        ("http://127.0.0.1:80", True, True),
        ("http://127.0.0.1:80", False, False),
        ("http://im.example:80", True, False),
    ],
)
def test_ports_are_short_where_one_address_dials_one_destination(url, any_loopback, enough):
    """Loopback on Linux has as many addresses as it takes; another machine has not."""
    machine = SystemLimits(10**6, 28_232, any_loopback)
    away = scenario("steady", 40_000, stack="external", url=[url])
    said = complaint(away, "needed", machine)
    assert (said == "") is enough
    if not enough:
        assert "40,000 users need 40,000 to one destination, but 28,232 are available" in said
        assert "net.ipv4.ip_local_port_range" in said
        assert "--users 28232" in said


def test_a_proxy_dials_from_one_address():
    """The load takes addresses in turn; what carries it on does not."""
    said = complaint(scenario("disconnects", 40_000), "needed", SystemLimits(10**6, 28_232, True))
    assert said.startswith("ports: 40,000 users need 40,000")


def test_a_run_is_refused_before_it_starts(monkeypatch):
    """The command checks it with everything else that makes a run impossible."""
    monkeypatch.setattr(system_limits.os_limits, "descriptors_allowed", lambda: 300)
    with pytest.raises(ConfigError, match=r"open files: .* the limit is 300"):
        check_before_start(scenario("steady", 200), Options())
