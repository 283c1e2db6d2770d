"""The command-line options that Gauntlet adds to Locust's."""

import argparse
import re
from pathlib import Path

import msgspec
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.scenarios import library
from gauntlet.scenarios.locust_plugin import options


def parsed(*arguments, **locust_options):
    """The parsed options, together with some of Locust's own."""
    parser = argparse.ArgumentParser()
    options.add(parser)
    defaults = dict.fromkeys(("num_users", "run_time", "spawn_rate", "host"))
    added = vars(parser.parse_args(arguments))
    return argparse.Namespace(**added, **{**defaults, **locust_options})


def test_without_options_the_scenario_decides(tmp_path):
    assert options.run_arguments(parsed(), tmp_path) == ["steady"]


def test_locusts_options_override_the_scenario(tmp_path):
    """`-u 50 -r 25 -t 30s` means fifty users, two seconds of ramp and the rest steady."""
    arguments = ("--scenario", "tour", "--im-rate", "9/s", "--im-arrivals", "poisson")
    parsed_options = parsed(*arguments, num_users=50, spawn_rate=25, run_time=30)
    assert options.run_arguments(parsed_options, tmp_path) == [
        "tour", "--users", "50", "--ramp", "2.000s", "--steady", "28.000s", "--rate", "9/s",
        "--arrivals", "poisson",
    ]  # fmt: skip


def test_another_number_of_users_implies_one_message_per_second_and_user(tmp_path):
    """The scenario's rate is meant for its own 200 users."""
    arguments = options.run_arguments(parsed(num_users=50), tmp_path)
    assert arguments == ["steady", "--users", "50", "--rate", "50/s"]


def test_a_host_is_an_external_target_without_faults(tmp_path):
    """The objectives about the windows of faults are removed as well."""
    parsed_options = parsed("--scenario", "tour", host="http://127.0.0.1:9")
    (file,) = options.run_arguments(parsed_options, tmp_path)
    scenario = loader.load(Path(file))
    assert (scenario.target.stack, scenario.target.url) == ("external", ["http://127.0.0.1:9"])
    assert scenario.faults == []
    assert {objective.window for objective in scenario.sla} == {"steady", "run"}
    assert scenario.load == loader.load(library.path("tour")).load


def test_tasks_replace_only_the_arrivals_of_a_scenario(tmp_path):
    """Conversations, faults and objectives stay, and no rate is given."""
    parsed_options = parsed("--scenario", "tour", num_users=50)
    file, *more = options.run_arguments(parsed_options, tmp_path, closed=True)
    assert more == ["--users", "50"]
    scenario, original = loader.load(Path(file)), loader.load(library.path("tour"))
    assert scenario.load.shares() == original.load.shares()
    load = msgspec.structs.replace(original.load, model="closed", workload=scenario.load.workload)
    assert scenario.load == load
    assert msgspec.structs.replace(scenario, load=original.load) == original


def test_a_few_users_with_tasks_get_small_groups(tmp_path):
    """`-u 4` is a way to try out tasks, and no error."""
    file, *_ = options.run_arguments(parsed(num_users=4), tmp_path, closed=True)
    assert loader.load(Path(file)).load.shares()["group"].size == 4


def test_the_command_that_repeats_a_load_contains_the_fields_of_the_web_form():
    argv = ["-f", "mine.py", "-u", "5"]
    assert options.repeat_command(parsed(headless=True), argv) == ["locust", *argv]
    form = parsed("--im-rate", "9/s", headless=False, num_users=7, spawn_rate=2.0, run_time=60)
    assert options.repeat_command(form, argv) == [
        "locust", *argv, "--headless", "-u", "7", "-r", "2.0", "-t", "60s", "--scenario", "steady",
        "--im-rate", "9/s",
    ]  # fmt: skip


def test_the_live_figures_are_served_only_if_a_port_is_given(tmp_path):
    given = parsed("--im-metrics-port", "0", "--im-metrics-host", "::1")
    served = ["steady", "--metrics-port", "0", "--metrics-host", "::1"]
    assert options.run_arguments(given, tmp_path) == served


def test_a_load_is_scripted_if_all_user_classes_are():
    """With one other class, or without any class, the scenario's arrivals are used."""
    scripted, other = type("A", (), {"is_scripted": True}), type("B", (), {})
    assert options.all_scripted([scripted, scripted])
    assert not options.all_scripted([scripted, other])
    assert not options.all_scripted([])


@pytest.mark.parametrize(
    ("option", "value"),
    [("--im-arrivals", "bursty"), ("--im-metrics-port", "65536"), ("--im-metrics-port", "web")],
)
def test_a_value_that_an_option_cannot_have_is_refused(option, value):
    with pytest.raises(SystemExit):
        parsed(option, value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("im_rate", "1", "--im-rate must be a rate such as 300/s or 90/m; got '1'"),
        ("im_rate", "0/s", "--im-rate must be a rate such as 300/s or 90/m; got '0/s'"),
        (
            "im_stack",
            "nosuch",
            (
                "--im-stack must be one of: embedded, full, prosody, mosquitto, nats, ejabberd, "
                "centrifugo, socketio, synapse, external; "
                "got 'nosuch'"
            ),
        ),
        (
            "im_arrivals",
            "bursty",
            "--im-arrivals must be one of: constant, poisson; got 'bursty'",
        ),
    ],
)
def test_an_error_names_the_option_that_was_given(tmp_path, field, value, message):
    """The options of `gauntlet conduct` have other names, which the user has never typed.

    Locust assigns the fields of its web form as they were entered, past the parser.
    """
    given = parsed()
    setattr(given, field, value)
    with pytest.raises(ConfigError) as caught:
        options.run_arguments(given, tmp_path)
    assert str(caught.value) == message


def test_the_documentation_lists_exactly_the_added_options():
    parser = argparse.ArgumentParser(add_help=False)
    options.add(parser)
    added = {option for action in parser._actions for option in action.option_strings}
    text = (Path(__file__).parents[3] / "docs" / "howto" / "watch-live.md").read_text()
    assert set(re.findall(r"^\| `(--[a-z-]+)`", text, re.MULTILINE)) == added
