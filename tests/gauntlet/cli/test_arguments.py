"""What the command line accepts, and how it reports what it does not."""

import argparse
import subprocess
import sys
from importlib import metadata

import pytest
import shtab

from gauntlet.cli.arguments import SHELLS, build_complete_parser, build_parser, resolve
from gauntlet.cli.commands import COMMANDS
from gauntlet.core.errors import ConfigError


def error_of(*arguments):
    with pytest.raises(ConfigError) as caught:
        build_parser(COMMANDS).parse_args(arguments)
    return str(caught.value).splitlines()[0]


def test_a_rate_without_unit_is_reported_with_the_right_spelling():
    message = "--rate must be a rate such as 300/s or 90/m; got '300'"
    assert error_of("run", "tour", "--rate", "300") == message


def test_a_wrong_duration_is_reported_with_the_right_spelling():
    message = "--steady must be a duration such as 15s, 300ms or 1m30s; got '40 s'"
    assert error_of("run", "tour", "--steady", "40 s") == message


@pytest.mark.parametrize("command", ["run", "conduct"])
def test_both_ways_to_run_a_scenario_can_serve_metrics(command):
    options = build_parser(COMMANDS).parse_args([command, "tour", "--metrics-port", "0"])
    assert (options.metrics_port, options.metrics_host) == (0, "127.0.0.1")
    message = "--metrics-port must be a port, 0 to 65535; got '65536'"
    assert error_of(command, "tour", "--metrics-port", "65536") == message


def test_abbreviated_options_are_refused():
    """An abbreviation would change its meaning when an option is added."""
    assert "unrecognized arguments: --stead 5s" in error_of("run", "tour", "--stead", "5s")


def test_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit) as ended:
        build_parser(COMMANDS).parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"gauntlet {metadata.version('im-gauntlet')}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_scripts_know_commands_and_options(shell, capsys):
    with pytest.raises(SystemExit) as ended:
        build_parser(COMMANDS).parse_args(["--print-completion", shell])
    script = capsys.readouterr().out
    assert ended.value.code == 0
    assert "cutover" in script
    assert "proxy-backend" in script


def test_the_command_that_only_locust_calls_is_not_listed():
    text = build_parser(COMMANDS).format_help()
    assert "    judge " in text
    assert "    conduct" not in text


def test_every_option_has_a_help_text():
    subparsers = next(
        action
        for action in build_complete_parser(COMMANDS)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for name, parser in subparsers.choices.items():
        for action in parser._actions:
            assert action.help, f"gauntlet {name} {action.option_strings or action.dest}"


def test_completion_exists_for_every_shell_that_is_known_to_the_library():
    assert list(SHELLS) == shtab.SUPPORTED_SHELLS


def test_every_command_and_every_group_of_options_can_be_imported():
    for command in COMMANDS:
        for reference in (command.call, *command.options):
            assert callable(resolve(reference)), reference


# Packages that take long to import, and none of which is needed to say what commands there are.
HEAVY = {
    "aiohttp", "gevent", "jinja2", "locust", "matplotlib", "msgspec", "numpy", "picows", "psutil",
    "requests", "rich", "shtab", "uvloop", "websockets", "yaml",
}  # fmt: skip
OWN = {
    "gauntlet.cli.arguments",
    "gauntlet.cli.commands",
    "gauntlet.cli.main",
    "gauntlet.cli.output",
    "gauntlet.core.errors",
}


def imports_of(*arguments):
    """Return the modules that a command line imports before it ends."""
    script = (
        "import sys\n"
        "from gauntlet.cli.main import main\n"
        "try:\n"
        f"    main({list(arguments)})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("no-such-command",), ()])
def test_help_version_and_an_unknown_command_import_only_the_parser(arguments):
    """A command line that runs nothing must not wait for the imports of all commands."""
    imported = imports_of(*arguments)
    own = {name for name in imported if name.startswith("gauntlet.")}
    packages = {"gauntlet.cli", "gauntlet.core"}
    assert own - packages == OWN
    assert HEAVY & imported == set()
    assert ("importlib.metadata" in imported) == (arguments == ("--version",))


def test_the_help_of_a_command_does_not_import_the_command():
    imported = imports_of("run", "--help")
    assert "gauntlet.cli.running.options" in imported
    assert "gauntlet.cli.running.run" not in imported
    assert {"matplotlib", "numpy", "locust"} & imported == set()


def test_options_of_one_command_are_unknown_to_another():
    assert "unrecognized arguments: --failure-table" in error_of("doctor", "--failure-table")


def test_the_help_of_every_command_can_be_printed():
    """Argparse formats texts only then, and fails at a percent sign that is not doubled."""
    parser = build_complete_parser(COMMANDS)
    (commands,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))
    assert len(commands) == len(COMMANDS)
    for name, command in commands.items():
        assert name in command.format_help()
