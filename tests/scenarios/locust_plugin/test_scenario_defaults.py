"""No value has to be given to Locust and to the scenario."""

from argparse import Namespace
from types import SimpleNamespace

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.locust_plugin import scenario_defaults

LOAD = {"users": 300, "ramp": "30s", "steady": "60s"}
URL = "http://im.example:8080"


def scenario(stack="external", urls=(URL,), **load):
    """Return a scenario for an external system, unless another stack is named."""
    target = {"stack": stack, "url": list(urls) if stack == "external" else []}
    content = {"version": 1, "name": "fleet", "about": "x", "target": target}
    return from_builtins({**content, "load": {**LOAD, **load}})


def apply(scenario, shape=None, **given):
    """Return Locust's options and its environment after the defaults were filled in."""
    options = Namespace(**{"host": None, "num_users": None, "spawn_rate": None, **given})
    environment = SimpleNamespace(host=None, shape_class=shape)
    scenario_defaults.apply(environment, options, scenario)
    return options, environment


def test_the_scenario_decides_what_the_command_line_leaves_open():
    options, environment = apply(scenario())
    assert (options.host, options.num_users, options.spawn_rate) == (URL, 300, 10)
    assert environment.host == URL


def test_equal_values_may_be_given_twice():
    options, _ = apply(scenario(), host=f"{URL}/", num_users=300, spawn_rate=10)
    assert (options.num_users, options.spawn_rate) == (300, 10)


def test_a_rate_that_was_rounded_is_the_same():
    apply(scenario(ramp="7s"), spawn_rate=42.86)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"num_users": 50}, ("--users is 50", "load.users of the scenario fleet is 300")),
        ({"host": "http://other:1"}, ("--host is http://other:1", f"fleet is {URL}")),
        ({"spawn_rate": 5.0}, ("--spawn-rate is 5/s", "means 10/s (300 users in 30 s)")),
        ({"host": "http://other:1", "num_users": 50}, ("--host is", " and --users is 50")),
    ],
)
def test_a_contradiction_is_an_error_with_both_values(given, values):
    with pytest.raises(ConfigError) as caught:
        apply(scenario(), **given)
    assert all(value in str(caught.value) for value in values)


def test_one_of_several_addresses_contradicts_the_scenario():
    """The load would go to a part of the system only."""
    with pytest.raises(ConfigError, match=f"is {URL}, http://b:1"):
        apply(scenario(urls=(URL, "http://b:1")), host=URL)


def test_options_override_the_examples_of_the_library():
    """They are for servers that Gauntlet boots, which take any number of users."""
    options, environment = apply(scenario("embedded"), num_users=60)
    assert (options.host, options.num_users, options.spawn_rate) == (None, 60, 2)
    assert environment.host is None


def test_an_address_with_a_password_is_not_shown():
    """Locust writes its host into reports and pages of its own."""
    options, environment = apply(scenario(urls=("http://me:secret@im.example",)))
    assert (options.host, environment.host) == (None, None)


def test_a_shape_decides_about_users():
    options, _ = apply(scenario(), shape=object())
    assert (options.num_users, options.spawn_rate) == (None, None)
