"""Our command-line options."""

import argparse
import re
from pathlib import Path

import msgspec
import pytest

from gauntlet.core.scenario import loader
from gauntlet.scenarios import library
from gauntlet.scenarios.locust_plugin import options


def parsed(*arguments, **locusts):
    """Our options as parsed, with some of Locust's own."""
    parser = argparse.ArgumentParser()
    options.add(parser)
    given = parser.parse_args(arguments)
    own = {"num_users": None, "run_time": None, "spawn_rate": None, "host": None, **locusts}
    return argparse.Namespace(**vars(given), **own)


def test_without_options_the_scenario_decides(tmp_path):
    """Nothing is overridden that the user did not say."""
    assert options.conduct_arguments(parsed(), tmp_path) == ["steady"]


def test_locusts_options_become_the_scenarios(tmp_path):
    """`-u 50 -r 25 -t 30s` is fifty users, two seconds of ramp and the rest steady."""
    given = parsed(
        "--scenario",
        "tour",
        "--im-rate",
        "9/s",
        "--im-arrivals",
        "poisson",
        num_users=50,
        spawn_rate=25,
        run_time=30,
    )
    assert options.conduct_arguments(given, tmp_path) == [
        "tour", "--users", "50", "--ramp", "2.000s", "--steady", "28.000s", "--rate", "9/s",
        "--arrivals", "poisson",
    ]  # fmt: skip


def test_another_number_of_users_brings_its_own_rate(tmp_path):
    """`-u 50` sends one message a second and user, not what the scenario's 200 users would."""
    given = options.conduct_arguments(parsed(num_users=50), tmp_path)
    assert given == ["steady", "--users", "50", "--rate", "50/s"]


def test_a_host_is_loaded_but_not_disturbed(tmp_path):
    """`--host` makes the target external, without faults and without what is asked of them."""
    given = parsed("--scenario", "tour", host="http://127.0.0.1:9")
    (file,) = options.conduct_arguments(given, tmp_path)
    scenario = loader.load(Path(file))
    assert (scenario.target.stack, scenario.target.url) == ("external", ["http://127.0.0.1:9"])
    assert scenario.faults == []
    assert {objective.window for objective in scenario.sla} == {"steady", "run"}
    assert scenario.load == loader.load(library.path("tour")).load


def test_tasks_take_the_place_of_the_arrivals_and_of_nothing_else(tmp_path):
    """Who is driven keeps the scenario's conversations, faults and objectives; no rate is asked."""
    given = parsed("--scenario", "tour", num_users=50)
    file, *more = options.conduct_arguments(given, tmp_path, closed=True)
    assert more == ["--users", "50"]
    scenario, wanted = loader.load(Path(file)), loader.load(library.path("tour"))
    assert scenario.load.shares() == wanted.load.shares()
    load = msgspec.structs.replace(wanted.load, model="closed", workload=scenario.load.workload)
    assert scenario.load == load
    assert msgspec.structs.replace(scenario, load=wanted.load) == wanted


def test_a_few_users_with_tasks_get_small_groups(tmp_path):
    """`-u 4` is a first try, not a mistake."""
    file, *_ = options.conduct_arguments(parsed(num_users=4), tmp_path, closed=True)
    assert loader.load(Path(file)).load.shares()["group"].size == 4


def test_a_load_can_be_had_again():
    """By the same command; what the web form said, which no command line shows, is added to it."""
    argv = ["-f", "mine.py", "-u", "5"]
    assert options.asked(parsed(headless=True), argv) == ["locust", *argv]
    form = parsed("--im-rate", "9/s", headless=False, num_users=7, spawn_rate=2.0, run_time=60)
    assert options.asked(form, argv) == [
        "locust", *argv, "--headless", "-u", "7", "-r", "2.0", "-t", "60s", "--scenario", "steady",
        "--im-rate", "9/s",
    ]  # fmt: skip


def test_users_are_driven_where_all_of_them_are():
    """One class of users without tasks is enough to have arrivals; so is none."""
    driven, other = type("A", (), {"is_driven": True}), type("B", (), {})
    assert options.are_driven([driven, driven])
    assert not options.are_driven([driven, other])
    assert not options.are_driven([])


def test_unknown_arrivals_are_refused():
    """Only what is implemented may be asked for."""
    with pytest.raises(SystemExit):
        parsed("--im-arrivals", "bursty")


def test_every_option_of_ours_is_explained():
    """What we add to Locust's form and command line stands in the page about it."""
    parser = argparse.ArgumentParser(add_help=False)
    options.add(parser)
    ours = {option for action in parser._actions for option in action.option_strings}
    text = (Path(__file__).parents[3] / "docs" / "howto" / "watch-live.md").read_text()
    assert set(re.findall(r"^\| `(--[a-z-]+)`", text, re.MULTILINE)) == ours
