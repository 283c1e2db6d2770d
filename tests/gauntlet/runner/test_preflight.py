"""What is refused before anything is started."""

import msgspec
import pytest

from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core.errors import ConfigError
from gauntlet.runner.options import Options
from gauntlet.runner.preflight import check_before_start
from gauntlet.scenarios import library


def scenario_on(stack, name="steady"):
    """Return a scenario of the library on another stack."""
    found = library.find(name)
    return msgspec.structs.replace(found, target=msgspec.structs.replace(found.target, stack=stack))


def test_a_bug_is_refused_on_a_stack_on_which_it_cannot_act():
    """The run would pass, and the reader would believe that the judge missed the bug."""
    with pytest.raises(ConfigError, match=r"--bug no_fsync .* the stack embedded, .* got full"):
        check_before_start(scenario_on("full", "messages-db-power-loss"), Options(bug="no_fsync"))


@pytest.mark.parametrize("name", ["xmpp-steady", "xmpp-edge-crash"])
def test_a_bug_is_refused_for_a_server_other_than_the_reference_server(name):
    with pytest.raises(ConfigError, match=r"the stack embedded or full, .* got prosody"):
        check_before_start(library.find(name), Options(bug="ack_before_commit"))


def test_a_bug_of_a_file_is_refused_as_well(tmp_path):
    file = tmp_path / "own.py"
    file.write_text('SERVICES = ("edge",)\n\n\ndef install():\n    pass\n')
    check_before_start(scenario_on("full"), Options(bug=str(file)))
    with pytest.raises(ConfigError, match="got prosody"):
        check_before_start(library.find("xmpp-steady"), Options(bug=str(file)))


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_is_accepted_for_its_scenario_on_each_of_its_stacks(name):
    for stack in BUGS[name].stacks:
        check_before_start(scenario_on(stack, BUGS[name].scenario), Options(bug=name))
