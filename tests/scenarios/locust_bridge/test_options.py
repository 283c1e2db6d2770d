"""Our command-line options."""

import argparse

import pytest

from scenarios.locust_bridge import options


def parsed(*arguments, **locusts):
    """Our options as parsed, with some of Locust's own."""
    parser = argparse.ArgumentParser()
    options.add(parser)
    given = parser.parse_args(arguments)
    own = {"num_users": None, "run_time": None, "spawn_rate": None, **locusts}
    return argparse.Namespace(**vars(given), **own)


def test_without_options_the_scenario_decides():
    """Nothing is overridden that the user did not say."""
    assert options.conduct_arguments(parsed()) == ["steady"]


def test_locusts_options_become_the_scenarios():
    """`-u 50 -r 25 -t 30s` is fifty users, two seconds of ramp and the rest steady."""
    given = parsed(
        "--scenario", "tour", "--im-rate", "9/s", num_users=50, spawn_rate=25, run_time=30
    )
    assert options.conduct_arguments(given) == [
        "tour", "--users", "50", "--ramp", "2.000s", "--steady", "28.000s", "--rate", "9/s",
    ]  # fmt: skip


def test_unknown_arrivals_are_refused():
    """Only what is implemented may be asked for."""
    with pytest.raises(SystemExit):
        parsed("--im-arrivals", "bursty")
