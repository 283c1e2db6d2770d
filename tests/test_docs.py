"""The documentation names what the code has: commands, options, keys, workloads, exit codes."""

import re
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from pathlib import Path

import msgspec
import pytest

from gauntlet.cli.arguments import build_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.core.errors import PRECEDENCE
from gauntlet.core.scenario import catalog, model
from gauntlet.core.scenario.loader import parse

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


def subparsers() -> dict[str, ArgumentParser]:
    """Every command's parser by its name."""
    actions = build_parser(COMMANDS)._actions
    return next(dict(a.choices) for a in actions if isinstance(a, _SubParsersAction))


def test_every_command_and_option_is_in_the_reference():
    """A user finds each thing that the command accepts, and nothing that it does not."""
    text = (REFERENCE / "cli.md").read_text()
    documented = set(re.findall(r"`(--[a-z-]+)[` ]", text))
    real = {
        option
        for parser in subparsers().values()
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
    }
    assert documented == real - {"--help"}
    assert set(re.findall(r"^\| `gauntlet (\w+)", text, re.MULTILINE)) == set(subparsers())


def test_the_readme_shows_only_commands_that_exist():
    """What the first screen tells people to type can be typed."""
    commands = set(re.findall(r"gauntlet (\w+)", (ROOT / "README.md").read_text()))
    assert commands <= set(subparsers())


def test_exit_codes_stand_in_their_order():
    """The table is the order of precedence."""
    codes = re.findall(r"^\| (\d) \|", (REFERENCE / "cli.md").read_text(), re.MULTILINE)
    assert [int(code) for code in codes] == [int(code) for code in PRECEDENCE]


@pytest.mark.parametrize("part", [model.Scenario, model.Target, model.Load, model.Fault])
def test_every_scenario_key_is_in_the_reference(part):
    """A key that is not documented does not exist for users."""
    rows = set(re.findall(r"^\| `(\w+)`", (REFERENCE / "scenario.md").read_text(), re.MULTILINE))
    assert {field.encode_name for field in msgspec.structs.fields(part)} <= rows


@pytest.mark.parametrize("kind", msgspec.inspect.type_info(model.Profile).types)
def test_every_profile_has_an_example_that_is_one(kind):
    """Users who copy an example get a valid load of that kind, with every key."""
    (row,) = re.findall(
        rf"^\| `{kind.tag}` \| `(profile: .*?)` \|",
        (REFERENCE / "scenario.md").read_text(),
        re.MULTILINE,
    )
    made = parse(f"version: 1\nname: x\nabout: x\nload:\n  {row}\n", "example")
    assert type(made.load.profile) is kind.cls
    assert all(f"{field.encode_name}:" in row for field in kind.fields)


def test_every_workload_and_its_parameters_are_in_the_reference():
    """The words of `load.workload` are listed."""
    words = set(re.findall(r"`(\w+)`", (REFERENCE / "scenario.md").read_text()))
    fields = {field.encode_name for field in msgspec.structs.fields(model.WorkloadShare)}
    assert set(catalog.WORKLOADS) | fields <= words


def test_every_layout_is_in_the_reference():
    """The words of `target.layout` are listed."""
    words = set(re.findall(r"`(\w+)`", (REFERENCE / "scenario.md").read_text()))
    assert set(catalog.LAYOUTS) <= words


def test_derived_files_are_current():
    """`make docs` writes the catalogue, the JSON Schema and parts of the reference pages."""
    command = [sys.executable, ROOT / "tools" / "make_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_scenario_is_valid():
    """Users who copy the file of the how-to can run it."""
    text = (ROOT / "docs" / "howto" / "write-a-scenario.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        parse(block, "example")


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"])
def test_links_between_pages_lead_somewhere(page):
    """No page sends its reader to a file that is not there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_page_on_users_of_ones_own_shows_the_file_that_runs():
    """What is read is what a test runs, and every error a task may meet is told of."""
    howto = ROOT / "docs" / "howto"
    page = (howto / "write-your-own-user.md").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert (howto / "chat_locustfile.py").read_text().split("\n\n", 1)[1] == shown
    exports = (ROOT / "gauntlet" / "locust.py").read_text().partition("__all__")[2]
    named = set(re.findall(r'"(\w+)"', exports))
    assert {name for name in named if not re.search(rf"\b{name}s?\b", page)} == {"IM", "Sent"}
