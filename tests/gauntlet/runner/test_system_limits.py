"""Too few descriptors or ports are reported before anything starts."""

import re

import msgspec
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Fault, Level, RampProfile, Rate
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner import system_limits
from gauntlet.runner.options import Options
from gauntlet.runner.preflight import check_before_start
from gauntlet.runner.system_limits import SystemLimits, check, descriptors
from gauntlet.scenarios import library

SMALL = SystemLimits(descriptors=4_096, ports=28_232, any_loopback=True)


def scenario_with(name, users, **target):
    """Return a scenario of the library with this number of users."""
    found = library.find(name)
    load = msgspec.structs.replace(found.load, users=users, rate=Rate(users))
    changed = msgspec.structs.replace(found.target, **target)
    return msgspec.structs.replace(found, load=load, target=changed)


def error_of_check(*arguments, **options):
    """Return the error message of `check`, or an empty text."""
    try:
        check(*arguments, **options)
    except ConfigError as error:
        return str(error)
    return ""


def test_the_librarys_scenarios_can_run_with_4096_descriptors():
    """This is the least that `gauntlet doctor` accepts."""
    for each in library.all_scenarios():
        check(each, "needed", SMALL)


def test_too_few_descriptors_are_reported_with_both_numbers_and_remedies():
    error = error_of_check(scenario_with("steady", 10_000), "needed", SMALL)
    assert "10,000 users need 20,150 in a Locust process, but the limit is 4,096" in error
    assert "`ulimit -n 20150`" in error
    assert "more workers" in error


@pytest.mark.parametrize("name", ["steady", "blue-green", "disconnects"])
def test_the_suggested_number_of_users_is_the_largest_possible(name):
    found = re.search(
        r"--users (\d+)", error_of_check(scenario_with(name, 50_000), "needed", SMALL)
    )
    users = int(found[1])
    assert error_of_check(scenario_with(name, users), "needed", SMALL) == ""
    assert error_of_check(scenario_with(name, users + 1), "needed", SMALL)


def test_with_a_profile_all_users_may_send_at_the_same_time():
    """The mean of a profile does not limit its peak."""
    calm = scenario_with("steady", 1000)
    slow = msgspec.structs.replace(calm.load, rate=Rate(1))
    shaped = msgspec.structs.replace(slow, profile=RampProfile(from_=Level(0), to=Level(9)))
    needed = [
        descriptors(msgspec.structs.replace(calm, load=load), "none")["a Locust process"]
        for load in (slow, shaped)
    ]
    assert needed[1] - needed[0] == 1000 - 3


def test_a_cutover_needs_two_connections_per_user():
    """The old connection is closed after the new one is ready."""
    plain = descriptors(scenario_with("steady", 1000), "none")["an edge"]
    moving = descriptors(scenario_with("blue-green", 1000), "none")["an edge"]
    assert moving - plain == 1000


def test_a_proxied_connection_needs_two_descriptors_of_the_proxy():
    assert "the fault proxy" not in descriptors(scenario_with("steady", 1000), "needed")
    through = descriptors(scenario_with("steady", 1000), "all")["the fault proxy"]
    assert through == 2 * (1000 + 1000) + 150
    some = descriptors(scenario_with("disconnects", 1000), "needed")["the fault proxy"]
    assert some >= 2 * 1000 + 150


@pytest.mark.parametrize(("member", "proxied"), [("client", True), ("registry", False)])
def test_clients_that_are_a_group_of_a_partition_go_through_the_proxy(member, proxied):
    groups = {"here": [member], "there": ["edge"]}
    cut = Fault(id="f", kind="partition", at=FixedTime(5), params={"groups": groups})
    scenario = msgspec.structs.replace(scenario_with("steady", 1000), faults=[cut])
    assert ("the fault proxy" in descriptors(scenario, "needed")) is proxied


def test_workers_share_the_descriptors_that_users_need():
    one = descriptors(scenario_with("steady", 10_000), "none")
    ten = descriptors(scenario_with("steady", 10_000), "none", workers=10)
    assert ten["a Locust process"] - 150 == (one["a Locust process"] - 150) / 10
    assert ten["an edge"] == one["an edge"]


def test_an_unknown_number_of_workers_is_not_checked():
    """A Locust that was started by the user may have workers on other machines."""
    assert "a Locust process" not in descriptors(
        scenario_with("steady", 10_000), "none", workers=None
    )


def test_of_an_external_system_only_our_own_proxy_is_checked():
    away = scenario_with("steady", 1000, stack="external", url=["http://127.0.0.1:80"])
    assert set(descriptors(away, "needed")) == {"gauntlet", "a Locust process"}
    assert set(descriptors(away, "all")) == {"gauntlet", "a Locust process", "the fault proxy"}


@pytest.mark.parametrize(
    ("url", "any_loopback", "enough"),
    [
        ("http://127.0.0.1:80", True, True),
        ("http://127.0.0.1:80", False, False),
        ("http://im.example:80", True, False),
    ],
)
def test_too_few_ports_to_one_destination_are_reported(url, any_loopback, enough):
    """On Linux, loopback has as many source addresses as needed."""
    machine = SystemLimits(10**6, 28_232, any_loopback)
    away = scenario_with("steady", 40_000, stack="external", url=[url])
    error = error_of_check(away, "needed", machine)
    assert (error == "") is enough
    if not enough:
        assert "40,000 users need 40,000 to one destination, but 28,232 are available" in error
        assert "net.ipv4.ip_local_port_range" in error
        assert "--users 28232" in error


def test_a_proxy_connects_from_one_address_only():
    error = error_of_check(
        scenario_with("disconnects", 40_000), "needed", SystemLimits(10**6, 28_232, True)
    )
    assert error.startswith("ports: 40,000 users need 40,000")


def test_a_run_with_too_few_descriptors_is_refused_before_it_starts(monkeypatch):
    monkeypatch.setattr(system_limits.os_limits, "descriptors_allowed", lambda: 300)
    with pytest.raises(ConfigError, match=r"open files: .* the limit is 300"):
        check_before_start(scenario_with("steady", 200), Options())
