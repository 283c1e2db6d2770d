"""What the command line accepts, and how it reports what it does not."""

import argparse
from importlib import metadata

import pytest

from gauntlet.cli.arguments import build_parser
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
        for action in build_parser(COMMANDS)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for name, parser in subparsers.choices.items():
        for action in parser._actions:
            assert action.help, f"gauntlet {name} {action.option_strings or action.dest}"
