"""The documentation matches the code: commands, options, keys, workloads, exit codes, links."""

import json
import re
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from pathlib import Path

import msgspec
import pytest

from gauntlet.cli.arguments import build_complete_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.core.errors import PRECEDENCE, ConfigError
from gauntlet.core.scenario import catalog, model
from gauntlet.core.scenario.loader import parse
from gauntlet.reference_server.cluster.rollout.driver import CutoverRequest, DrainRequest
from gauntlet.runner.system_limits import SystemLimits, check
from gauntlet.scenarios import library

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


def subparsers() -> dict[str, ArgumentParser]:
    """Every command's parser by its name."""
    return _choices(build_complete_parser(COMMANDS))


def _choices(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    found = [a.choices for a in parser._actions if isinstance(a, _SubParsersAction)]
    return dict(found[0]) if found else {}


def test_the_reference_describes_all_commands_and_options_and_no_others():
    text = (REFERENCE / "cli.md").read_text()
    documented = set(re.findall(r"`(--[a-z-]+)[` ]", text))
    real = {
        option
        for command in subparsers().values()
        for parser in (command, *_choices(command).values())
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
    }
    assert documented == real - {"--help"}
    assert set(re.findall(r"^\| `gauntlet (\w+)", text, re.MULTILINE)) == set(subparsers())


def test_the_readme_shows_only_commands_that_exist():
    commands = set(re.findall(r"gauntlet (\w+)", (ROOT / "README.md").read_text()))
    assert commands <= set(subparsers())


def test_exit_codes_are_listed_in_the_order_of_precedence():
    codes = re.findall(r"^\| (\d) \|", (REFERENCE / "cli.md").read_text(), re.MULTILINE)
    assert [int(code) for code in codes] == [int(code) for code in PRECEDENCE]


@pytest.mark.parametrize("part", [model.Scenario, model.Target, model.Load, model.Fault])
def test_the_reference_describes_every_key_of_a_scenario(part):
    rows = set(re.findall(r"^\| `(\w+)`", (REFERENCE / "scenario.md").read_text(), re.MULTILINE))
    assert {field.encode_name for field in msgspec.structs.fields(part)} <= rows


@pytest.mark.parametrize("kind", msgspec.inspect.type_info(model.Profile).types)
def test_the_example_of_every_profile_is_valid_and_complete(kind):
    (row,) = re.findall(
        rf"^\| `{kind.tag}` \| `(profile: .*?)` \|",
        (REFERENCE / "scenario.md").read_text(),
        re.MULTILINE,
    )
    scenario = parse(f"version: 1\nname: x\nabout: x\nload:\n  {row}\n", "example")
    assert type(scenario.load.profile) is kind.cls
    assert all(f"{field.encode_name}:" in row for field in kind.fields)


def test_the_reference_describes_every_workload_and_its_parameters():
    words = set(re.findall(r"`(\w+)`", (REFERENCE / "scenario.md").read_text()))
    fields = {field.encode_name for field in msgspec.structs.fields(model.WorkloadShare)}
    assert set(catalog.WORKLOADS) | fields <= words


def test_the_reference_lists_every_stack_with_its_adapter():
    text = (REFERENCE / "scenario.md").read_text()
    (row,) = re.findall(r"^\| `stack` .*$", text, re.MULTILINE)
    for adapter, stacks in catalog.ADAPTER_STACKS.items():
        if stacks:
            named = ", ".join(f"`{stack}`" for stack in stacks)
            assert f"{named} (adapter `{adapter}`)" in row


def test_the_reference_describes_every_layout():
    words = set(re.findall(r"`(\w+)`", (REFERENCE / "scenario.md").read_text()))
    assert set(catalog.LAYOUTS) <= words


def test_the_defaults_of_the_control_api_are_those_of_the_code():
    """The bodies on the page show them."""
    page = (REFERENCE / "control-api.md").read_text()
    for call, kind in (("/cutover", CutoverRequest), ("/components/{edge}/drain", DrainRequest)):
        (body,) = re.findall(rf"`POST {re.escape(call)} ({{.*?}})`", page)
        shown = json.loads(body)
        given = {"to": shown["to"]} if "to" in shown else {}
        assert shown == msgspec.to_builtins(msgspec.convert(given, kind))


def test_the_page_on_many_connections_quotes_the_refusal_as_it_is_printed():
    """With the figures that the scenario has on a machine with 20,000 descriptors."""
    page = (ROOT / "docs" / "howto" / "many-connections.md").read_text()
    (quoted,) = re.findall(r"^gauntlet: (.*) …$", page, re.MULTILINE)
    steady = library.find("steady")
    load = msgspec.structs.replace(steady.load, users=30_000)
    with pytest.raises(ConfigError) as refused:
        check(
            msgspec.structs.replace(steady, load=load),
            "needed",
            SystemLimits(20_000, 28_232, any_loopback=True),
        )
    assert str(refused.value).startswith(quoted)


def test_derived_files_are_current():
    """`make docs` writes the catalogue, the JSON Schema and parts of the reference pages."""
    command = [sys.executable, ROOT / "tools" / "make_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_scenarios_of_the_howto_are_valid():
    text = (ROOT / "docs" / "howto" / "write-a-scenario.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        parse(block, "example")


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"])
def test_links_between_pages_lead_to_existing_files(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_page_on_custom_users_shows_the_tested_file_and_names_every_export():
    howto = ROOT / "docs" / "howto"
    page = (howto / "write-your-own-user.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert (howto / "chat_locustfile.py").read_text().split("\n\n", 1)[1] == example
    exports = (ROOT / "gauntlet" / "locust.py").read_text().partition("__all__")[2]
    named = set(re.findall(r'"(\w+)"', exports))
    assert {name for name in named if not re.search(rf"\b{name}s?\b", page)} == {"IM", "Sent"}
