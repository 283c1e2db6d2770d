"""YAML that is valid but cannot be used as a scenario."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from gauntlet.campaigns.gate import suite
from gauntlet.campaigns.plan.sources import prices
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader, yaml_reader
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.runner.system_metrics import metrics_file
from gauntlet.scenarios import library

HEAD = "version: 1\nname: x\n"


def error_of(text):
    """Return the error of a scenario whose third line begins with this text."""
    with pytest.raises(ConfigError) as caught:
        loader.parse(HEAD + text, "x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "0x_", "!!bool maybe", "!!timestamp x", "!!float x", "1" * 5000]
)
def test_a_value_that_yaml_cannot_construct_is_reported_with_its_line(value):
    shown = repr(value.split(" ")[-1])[:50]
    message = error_of(f"about: {value}\n")
    assert message.startswith(f"x.yaml:3: {shown}")
    assert message.endswith("cannot be read as a value; put strings in quotes")


@pytest.mark.parametrize("text", ['about: "\\ud800"', '"\\udfff": 1'])
def test_half_of_a_surrogate_pair_is_refused(text):
    """YAML can write it, and no text file can."""
    message = error_of(text)
    assert message.startswith("x.yaml:3: ")
    assert message.endswith("contains half of a surrogate pair")


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 5000 + "]" * 5000, "a: " + "[" * 50 + "]" * 50, "{a: " * 50 + "1" + "}" * 50],
)
def test_deep_nesting_is_refused(text):
    """The limit is below the one of Python's stack."""
    assert error_of(f"about: {text}\n").startswith("x.yaml:3: ")
    assert "lists and mappings are nested more than 32 deep" in error_of(f"about: [{{{text}}}]\n")


def test_a_repeated_key_is_an_error():
    """YAML would silently ignore the first of two lists of objectives."""
    assert error_of("sla: []\nsla: []\n") == ("x.yaml:4: the key 'sla' occurs twice in a mapping")
    assert error_of("load: {users: 2, users: 3}\n").startswith(
        "x.yaml:3: the key 'users' occurs twice"
    )


def test_a_key_that_is_not_a_string_is_refused():
    """Without quotes, `no` is a truth value and `1` is a number."""
    assert error_of("load: {no: 2}\n") == "x.yaml:3: a key must be a string; got no without quotes"
    assert error_of("load:\n  1: 2\n") == "x.yaml:4: a key must be a string; got 1 without quotes"


def test_a_merged_key_can_be_overridden():
    shares = "direct: &a {weight: 2, percent: 9}, group: {<<: *a, weight: 3}"
    text = f"{HEAD}about: x\nload: {{workload: {{{shares}}}}}\n"
    shares = loader.parse(text, "x.yaml").load.shares()
    assert (shares["group"].weight, shares["group"].percent) == (3, 9)


@pytest.mark.parametrize("value", ["1:30", "-1:30:00", "1:30.5"])
def test_a_number_of_base_60_is_refused_with_its_line(value):
    """`users: 1:30` would be 90 users."""
    with pytest.raises(ConfigError, match=f"^f:2: {value} would be a number of base 60"):
        yaml_reader.read(f"name: x\nusers: {value}\n", "f")
    assert yaml_reader.read(f'name: "{value}"', "f")[1] == {"name": value}


def test_merge_keys_that_double_a_mapping_again_and_again_are_refused_soon():
    """Thirty lines would otherwise make a thousand million keys."""
    levels = [f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]" for n in range(1, 31)]
    text = "\n".join(["a0: &a0 {x: 1, y: 2}", *levels])
    with pytest.raises(ConfigError, match=r"^f:\d+: a mapping has more than 10000 keys"):
        yaml_reader.read(text, "f")


def test_a_file_of_comments_without_end_is_not_parsed():
    with pytest.raises(ConfigError, match=r"^f:1: the file has more than 1048576 characters"):
        yaml_reader.read("name: x\n" + "# comment\n" * 110_000, "f")


def test_on_and_off_are_names_of_parameters_and_twice_the_same_is_refused():
    _, plain = yaml_reader.read("params: {on: 1s, off: 2s}\n", "x.yaml")
    assert plain == {"params": {"on": "1s", "off": "2s"}}
    with pytest.raises(ConfigError, match="'on' occurs twice"):
        yaml_reader.read('params: {on: 1s, "on": 2s}\n', "x.yaml")


def faults(number):
    return "faults:\n" + "- {id: f, kind: kill, target: broker, at: 1s}\n" * number


def test_a_list_of_twenty_thousand_faults_is_refused_with_its_key_and_line():
    assert error_of(faults(20_000)) == "x.yaml:4: faults has more than 1000 entries"


def test_a_list_within_a_list_is_named_by_its_path():
    text = f"load: {{profile: {{kind: step, steps: [{'1, ' * 1001}]}}}}\n"
    assert error_of(text) == "x.yaml:3: load.profile.steps has more than 1000 entries"
    text = f"faults: [{{params: {{heal: [{'a, ' * 1001}]}}}}]\n"
    assert error_of(text) == "x.yaml:3: faults[0].params.heal has more than 1000 entries"


def test_too_many_keys_and_values_are_refused_with_the_key_that_holds_them():
    """Also if each list is short."""
    text = "faults:\n" + f"- {{a: [{'1, ' * 900}]}}\n" * 30
    assert error_of(text).startswith("x.yaml:")
    assert "the file has more than 20000 keys and values, here in faults" in error_of(text)


@pytest.mark.parametrize(
    "text",
    [
        faults(20_000),
        "load:\n" + "".join(f"  k{n}: 1\n" for n in range(60_000)),
        "about: " + "[" * 500_000,
        "# comment\n" * 3_000_000,
        "about: '" + "x" * 30_000_000 + "'",
    ],
    ids=["faults", "keys", "nesting", "comment", "string"],
)
def test_a_hostile_file_is_refused_after_a_second_of_work(text, monkeypatch):
    """Counted in characters and nodes, because how long they take depends on the machine."""
    done = Counter()
    forward, compose = yaml.reader.Reader.forward, yaml_reader._Loader.compose_node

    def counting_forward(reader, length=1):
        done["characters"] += length
        forward(reader, length)

    def counting_compose(loader, parent, index):
        done["nodes"] += 1
        return compose(loader, parent, index)

    monkeypatch.setattr(yaml.reader.Reader, "forward", counting_forward)
    monkeypatch.setattr(yaml_reader._Loader, "compose_node", counting_compose)
    error_of(text)
    assert done["characters"] <= yaml_reader.CHARACTERS_MAX
    assert done["nodes"] <= yaml_reader._NODES_MAX + 2


def test_a_file_without_end_is_refused():
    with pytest.raises(ConfigError, match="more than 1048576 characters"):
        loader.load(Path("/dev/zero"))


@pytest.mark.parametrize(
    "read",
    [
        sla_file.read,
        suite.load,
        lambda file: prices.read(file, []),
        lambda file: metrics_file.read(file, library.find("steady"), allow_exec=False),
    ],
)
def test_a_device_without_end_is_refused_by_every_reader(read):
    """It would fill the memory."""
    with pytest.raises(ConfigError, match="has more than 1048576 characters"):
        read(Path("/dev/zero"))
